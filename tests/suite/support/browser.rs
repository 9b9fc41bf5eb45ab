//! A real Chromium without a window, told what to do over a pipe (Chrome DevTools Protocol).

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::installed::program;
use super::place::Place;
use super::process::Process;

const LIMIT: Duration = Duration::from_secs(90);

/// A browser with one page. Killed when it goes out of scope.
pub struct Browser {
    _process: Process,
    commands: File,
    messages: Receiver<Value>,
    session: String,
    next: u64,
    /// What it said by itself since it was started.
    events: Vec<Value>,
}

impl Browser {
    #[track_caller]
    pub fn start(place: &Place) -> Browser {
        let ((commands_read, commands), (messages, messages_write)) = (pipe(), pipe());
        // The browser reads what to do from descriptor 3 and answers on 4.
        let mut command = place.command("sh");
        command.arg("-c").arg("exec \"$@\" 3<&0 4>&1 </dev/null >&2").arg("sh");
        command.arg(program("SEAWALL_CHROMIUM"));
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe"]);
        command.arg(format!("--user-data-dir={}", place.folder("browser").display()));
        command.env("HOME", place.path()).env("TMPDIR", place.path());
        command.stdin(Stdio::from(commands_read)).stdout(Stdio::from(messages_write));
        command.stderr(Stdio::null());
        let process = Process::start(command, Signal::KILL);
        let mut browser = Browser {
            _process: process,
            commands: File::from(commands),
            messages: listen(File::from(messages)),
            session: String::new(),
            next: 0,
            events: Vec::new(),
        };
        browser.attach();
        browser
    }

    #[track_caller]
    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = target["targetId"].clone();
        let wanted = json!({ "targetId": target, "flatten": true });
        let attached = self.call("Target.attachToTarget", wanted);
        self.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Sends a command and waits for its result.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let sent = self.commands.write_all(format!("{message}\0").as_bytes());
        sent.unwrap_or_else(|error| panic!("{method}: the browser has ended: {error}"));
        loop {
            let answer = self.next_message(method);
            if answer["id"] == json!(id) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    #[track_caller]
    fn next_message(&self, waiting_for: &str) -> Value {
        let message = self.messages.recv_timeout(LIMIT);
        message.unwrap_or_else(|error| panic!("{waiting_for}: no answer of the browser: {error}"))
    }

    /// A window of this size, light or dark.
    #[track_caller]
    pub fn look(&mut self, width: u32, height: u32, scheme: &str, phone: bool) {
        let window = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone,
        });
        self.call("Emulation.setDeviceMetricsOverride", window);
        let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": scheme }));
    }

    /// Opens a file and waits until it is drawn.
    #[track_caller]
    pub fn open(&mut self, page: &Path) {
        self.call("Page.navigate", json!({ "url": format!("file://{}", page.display()) }));
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        let seen = self.events.iter().filter(|event| loaded(event)).count();
        while self.events.iter().filter(|event| loaded(event)).count() == seen {
            let message = self.next_message("load");
            self.events.push(message);
        }
    }

    /// The value of an expression in JavaScript, which the page itself has none of.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let wanted = json!({ "expression": expression, "returnByValue": true });
        let found = self.call("Runtime.evaluate", wanted);
        assert!(found["exceptionDetails"].is_null(), "{expression}: {found}");
        found["result"]["value"].clone()
    }

    /// The whole page as a PNG.
    #[track_caller]
    pub fn screenshot(&mut self) -> Vec<u8> {
        let wanted = json!({ "format": "png", "captureBeyondViewport": true });
        decoded(&self.call("Page.captureScreenshot", wanted)["data"])
    }

    /// The page on A4.
    #[track_caller]
    pub fn pdf(&mut self) -> Vec<u8> {
        let wanted = json!({ "paperWidth": 8.27, "paperHeight": 11.69, "printBackground": true });
        decoded(&self.call("Page.printToPDF", wanted)["data"])
    }

    /// What it complained about, and what it asked for beside the files that it was told to open.
    pub fn complaints(&self) -> Vec<String> {
        let complaint = |event: &Value| {
            let parameters = &event["params"];
            match event["method"].as_str()? {
                "Log.entryAdded" => Some(parameters["entry"]["text"].to_string()),
                "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => {
                    Some(parameters.to_string())
                }
                "Network.requestWillBeSent" if parameters["type"] != "Document" => {
                    Some(format!("asked for {}", parameters["request"]["url"]))
                }
                _ => None,
            }
        };
        self.events.iter().filter_map(complaint).collect()
    }
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = std::io::pipe().expect("a pipe");
    (read.into(), write.into())
}

/// Messages end with a NUL.
fn listen(answers: File) -> Receiver<Value> {
    let (send, messages) = channel();
    thread::spawn(move || {
        for message in BufReader::new(answers).split(0).map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice(&message) else { continue };
            if send.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

#[track_caller]
fn decoded(data: &Value) -> Vec<u8> {
    let data = data.as_str().expect("base64");
    base64::engine::general_purpose::STANDARD.decode(data).expect("base64")
}
