//! Tables: whether each cell belongs to exactly one run of the case.
use super::Diagnostic;
use super::tree::Node;
use crate::case::{Case, TableSpec};

/// Checks the shape of all tables; their expressions are checked with the predicates.
pub(super) fn check(case: &Case, tree: &Node, found: &mut Vec<Diagnostic>) {
    for (title, table) in &case.tables {
        Check { case, tree, title, found }.table(table);
    }
}

struct Check<'a> {
    case: &'a Case,
    tree: &'a Node,
    title: &'a str,
    found: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn table(&mut self, table: &TableSpec) {
        let given: Vec<(&str, &str)> = std::iter::once(("rows", table.rows.as_str()))
            .chain(table.across.as_deref().map(|across| ("across", across)))
            .collect();
        for (key, name) in &given {
            if !self.case.sweep.contains_key(*name) {
                let swept = self.case.sweep.keys().map(String::as_str);
                let wrong = self.at(key, format!("`{name}` is not swept")).label("expected a parameter of `sweep`");
                self.found.push(wrong.nearest(name, swept));
            }
        }
        if let [(_, rows), (key, across)] = given[..]
            && rows == across
        {
            self.wrong(key, format!("`{rows}` stands in the rows already"), "expected another parameter of `sweep`");
        }
        for (name, value) in &table.at {
            match self.case.sweep.get(name) {
                Some(values) if !values.contains(value) => {
                    self.wrong("at", format!("the sweep of `{name}` has no such value"), "expected one of them");
                }
                None => {
                    let wrong = self.at("at", format!("`{name}` is not swept"));
                    self.found.push(wrong.nearest(name, self.case.sweep.keys().map(String::as_str)));
                }
                Some(_) if given.iter().any(|(_, given)| name == given) => {
                    self.wrong(
                        "at",
                        format!("`{name}` has several values in this table"),
                        "expected another parameter",
                    );
                }
                Some(_) => {}
            }
        }
        let placed = |name: &str| given.iter().any(|(_, given)| name == *given) || table.at.contains_key(name);
        if let Some(left) = self.case.sweep.keys().find(|name| !placed(name)) {
            self.wrong(
                "rows",
                format!("`{left}` is swept, too"),
                "each cell must belong to one run: name it in `across` or `at`",
            );
        }
        if table.columns.is_empty() {
            self.wrong("columns", "the table has no column".to_owned(), "expected names and expressions");
        }
        if let Some(name) = table.draw.as_deref().filter(|name| !table.columns.contains_key(*name)) {
            let wrong = self.at("draw", format!("the table has no column `{name}`"));
            self.found.push(wrong.nearest(name, table.columns.keys().map(String::as_str)));
        }
    }

    fn at(&self, key: &str, message: String) -> Diagnostic {
        Diagnostic::new(self.tree.at(["tables", self.title, key]).place, message)
    }

    fn wrong(&mut self, key: &str, message: String, label: &str) {
        let wrong = self.at(key, message).label(label);
        self.found.push(wrong);
    }
}
