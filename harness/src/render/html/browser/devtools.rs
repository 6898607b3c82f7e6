//! A headless Chromium, driven over its `DevTools` protocol: as little of it as the tests need.
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// What Debian and others call it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// How long the browser may take for one thing.
const PATIENCE: Duration = Duration::from_mins(1);

/// A page in a browser that ends with it.
pub(super) struct Page {
    browser: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    number: u64,
    /// Exceptions, and what was written to the console as an error.
    pub(super) errors: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Page {
    /// Starts a browser with one empty page.
    pub(super) fn open() -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut browser = start(profile.path());
        let stderr = BufReader::new(browser.stderr.take().expect("its standard error"));
        let line = stderr.lines().map_while(Result::ok).find(|line| line.starts_with("DevTools listening on "));
        let line = line.expect("the browser says where it listens");
        let address = line.trim_start_matches("DevTools listening on ").trim();
        let host = address.trim_start_matches("ws://").split('/').next().expect("a host");
        let stream = TcpStream::connect(host).expect("a connection to the browser");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let (socket, _) = tungstenite::client(address, stream).expect("a WebSocket");
        let mut page = Self { browser, socket, session: None, number: 0, errors: Vec::new(), _profile: profile };
        let target = page.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = page.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.call(domain, &json!({}));
        }
        page
    }

    /// The size of the window, and whether it is a phone's.
    pub(super) fn size(&mut self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Whether the user likes it `light` or `dark`.
    pub(super) fn scheme(&mut self, name: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": name}]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Goes to a file and waits until it is there.
    pub(super) fn go(&mut self, file: &Path) {
        self.call("Page.navigate", &json!({"url": format!("file://{}", file.display())}));
        self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))",
        );
    }

    /// The value of an expression, awaited if it is a promise.
    pub(super) fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Presses a key, as a user does.
    pub(super) fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", &json!({"type": kind, "key": key}));
        }
    }

    /// The window as a PNG, encoded as base64.
    pub(super) fn picture(&mut self) -> String {
        let answer = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        answer["data"].as_str().expect("a picture").to_owned()
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let number = self.number;
        let mut message = json!({"id": number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).expect("the browser listens");
        loop {
            let said = self.socket.read().unwrap_or_else(|error| panic!("{method}: {error}"));
            let Message::Text(text) = said else { continue };
            let said: Value = serde_json::from_str(&text).expect("JSON");
            if said["id"] == number {
                assert!(said.get("error").is_none(), "{method}: {said}");
                return said["result"].clone();
            }
            match said["method"].as_str() {
                Some("Runtime.exceptionThrown") => self.errors.push(said["params"].to_string()),
                Some("Log.entryAdded") if said["params"]["entry"]["level"] == "error" => {
                    self.errors.push(said["params"].to_string());
                }
                _ => {}
            }
        }
    }
}

fn start(profile: &Path) -> Child {
    let arguments = [
        "--headless",
        // In a container the browser cannot make one, and as root it refuses to run with it.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--remote-debugging-port=0",
    ];
    for name in NAMES {
        let child = Command::new(name)
            .args(arguments)
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        if let Ok(child) = child {
            return child;
        }
    }
    panic!("there is no {}: `cargo xtask check browser` installs it", NAMES.join(", no "));
}

impl Drop for Page {
    fn drop(&mut self) {
        self.session = None;
        // It takes its children with it when it is asked; if it does not listen any more, it is ended.
        let asked = self.socket.send(Message::text(json!({"id": 0, "method": "Browser.close"}).to_string()));
        if asked.is_err() {
            let _ = self.browser.kill();
        }
        let _ = self.browser.wait();
    }
}
