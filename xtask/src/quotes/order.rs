//! The file that says where the quotes stand, a line for each heading and each claim.

use std::{collections::BTreeMap, fmt::Write as _};

use super::text::Text;

/// Places in both documents.
#[derive(Debug, Default)]
pub struct Order(BTreeMap<String, Places>);

#[derive(Debug, Default)]
struct Places {
    headings: Vec<(usize, String)>,
    quotes: BTreeMap<String, Vec<usize>>,
}

impl Order {
    /// Takes over the headings of a document.
    pub fn headings(&mut self, letter: String, text: &Text) {
        self.0.entry(letter).or_default().headings = text.headings().to_vec();
    }

    /// Adds the claim's next quote.
    pub fn quote(&mut self, letter: &str, claim: &str, at: usize) {
        let places = self.0.entry(letter.to_owned()).or_default();
        // What is not found stands at the end.
        let at = at.min(u32::MAX as usize);
        places.quotes.entry(claim.to_owned()).or_default().push(at);
    }

    /// The file.
    pub fn json(&self) -> String {
        let mut out = String::from("{");
        for (index, (letter, places)) in self.0.iter().enumerate() {
            let headings: Vec<_> = places
                .headings
                .iter()
                .map(|(at, name)| format!("      [{at}, {}]", serde_json::Value::from(name.as_str())))
                .collect();
            let quotes: Vec<_> =
                places.quotes.iter().map(|(claim, places)| format!("      \"{claim}\": {places:?}")).collect();
            let comma = if index > 0 { "," } else { "" };
            _ = write!(out, "{comma}\n  \"{letter}\": {{\n    \"headings\": [\n{}\n    ],\n", headings.join(",\n"));
            _ = write!(out, "    \"quotes\": {{\n{}\n    }}\n  }}", quotes.join(",\n"));
        }
        out + "\n}\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_has_a_line_with_the_places_of_its_quotes() -> Result<(), serde_json::Error> {
        let mut order = Order::default();
        order.headings("A".to_owned(), &Text::new("## 一\n甲\n"));
        order.quote("A", "a.b", 7);
        order.quote("A", "a.b", 3);
        let json: serde_json::Value = serde_json::from_str(&order.json())?;
        assert_eq!(json["A"]["headings"][0][1], "一");
        assert!(order.json().contains("\n      \"a.b\": [7, 3]\n"), "{}", order.json());
        Ok(())
    }
}
