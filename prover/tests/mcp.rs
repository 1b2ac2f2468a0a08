//! `pleat mcp` from outside: lines of JSON-RPC on standard input and output.
#![cfg(feature = "serve")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

mod program;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use program::{CACHE, credit_models, folder, pleat, text};
use serde_json::{Value, json};

const FEATURES: usize = 61;

static MODELS: LazyLock<PathBuf> = LazyLock::new(|| credit_models("mcp-models"));

struct Agent {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    id: u64,
    notes: Vec<Value>,
}

impl Agent {
    fn start(out: &Path, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pleat"))
            .args(["mcp", "--models", text(&MODELS), "--out", text(out)])
            .args(options)
            .env("PLEAT_CACHE", CACHE)
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut agent = Self {
            to: child.stdin.take(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
            id: 0,
            notes: Vec::new(),
        };
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        });
        let server = agent.ask("initialize", &hello)["result"].clone();
        assert_eq!(server["serverInfo"]["name"], "pleat");
        assert!(
            server["instructions"]
                .as_str()
                .unwrap()
                .contains("does not say")
        );
        agent.line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        agent
    }

    fn line(&mut self, message: &Value) {
        let to = self.to.as_mut().unwrap();
        writeln!(to, "{message}").unwrap();
        to.flush().unwrap();
    }

    fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.id += 1;
        let id = self.id;
        self.line(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The answer to a request; what comes before it are notes.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
            self.notes.push(message);
        }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.from.read_line(&mut line).unwrap() > 0, "it ended");
        serde_json::from_str(&line).expect("standard output carries the protocol alone")
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
        self.ask("tools/call", &params)["result"].clone()
    }

    fn good(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
        assert!(!result["content"][0]["text"].as_str().unwrap().is_empty());
        result["structuredContent"].clone()
    }

    fn end(mut self) {
        drop(self.to.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn zeros(samples: usize) -> Value {
    json!([vec![0; FEATURES * samples]])
}

#[test]
fn tools_are_described_and_do_what_they_say() {
    let out = folder("mcp-tools");
    let mut agent = Agent::start(&out, &[]);
    let tools = agent.ask("tools/list", &json!({}))["result"]["tools"].clone();
    for tool in tools.as_array().unwrap() {
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert!(tool["description"].as_str().unwrap().len() > 80, "{tool}");
    }
    let made = agent.good(
        "prove",
        &json!({"model": "credit", "input_data": zeros(1), "hide": ["input"]}),
    );
    let progress: Vec<f64> = agent
        .notes
        .iter()
        .filter(|n| n["method"] == "notifications/progress")
        .map(|n| n["params"]["progress"].as_f64().unwrap())
        .collect();
    assert!(progress.len() > 3 && progress.is_sorted(), "{progress:?}");
    for file in ["proof_file", "receipt_file", "secret_file"] {
        assert!(out.join(made[file].as_str().unwrap()).is_file(), "{made}");
    }
    let verify =
        json!({"model": "credit", "proof": made["proof_file"], "receipt": made["receipt_file"]});
    let verdict = agent.good("verify", &verify);
    assert_eq!(verdict["valid"], true, "{verdict}");
    // The program's own command agrees.
    let (model, proof) = (
        MODELS.join("credit.vmodel"),
        out.join(made["proof_file"].as_str().unwrap()),
    );
    pleat(&["verify", text(&model), text(&proof)]).demand(0);
    let listed = agent.ask("resources/list", &json!({}))["result"]["resources"].clone();
    assert_eq!(listed[0]["uri"], made["receipt_uri"]);
    let read = agent.ask("resources/read", &json!({"uri": made["receipt_uri"]}));
    let receipt = out.join(made["receipt_file"].as_str().unwrap());
    assert_eq!(
        read["result"]["contents"][0]["text"],
        fs::read_to_string(receipt).unwrap()
    );
    for uri in [
        "pleat://receipts/..%2f",
        "pleat://receipts/../credit.vmodel",
        "file:///etc/passwd",
    ] {
        let read = agent.ask("resources/read", &json!({"uri": uri}));
        assert!(read["error"].is_object(), "{read}");
    }
    agent.end();
}

#[test]
fn a_proof_can_be_cancelled() {
    let out = folder("mcp-cancel");
    let mut agent = Agent::start(&out, &[]);
    let arguments =
        json!({"model": "credit", "input_data": zeros(4000), "samples": 4000, "name": "long"});
    let params = json!({"name": "prove", "arguments": arguments, "_meta": {"progressToken": 1}});
    let id = agent.send("tools/call", &params);
    while agent.next()["method"] != "notifications/progress" {}
    agent.line(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    // The next one is not kept waiting by it.
    let made = agent.good(
        "prove",
        &json!({"model": "credit", "input_data": zeros(1), "name": "short"}),
    );
    assert_eq!(made["proof_file"], "short.proof");
    agent.end();
    assert!(!out.join("long.proof").exists());
}

#[test]
fn a_file_outside_is_not_there() {
    let out = folder("mcp-outside");
    fs::write(out.join("x.proof.secret"), "s").unwrap();
    let mut agent = Agent::start(&out, &["--max-input-bytes", "10000"]);
    let kind = |agent: &mut Agent, tool: &str, arguments: Value| {
        let result = agent.call(tool, &arguments);
        assert_eq!(result["isError"], true, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(!text.contains(env!("CARGO_TARGET_TMPDIR")), "{text}");
        result["structuredContent"]["error"]["kind"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let proof = |name: &str| json!({"model": "credit", "proof": name});
    for name in [
        "../credit.vmodel",
        "x.proof.secret",
        "/etc/passwd",
        "",
        ".",
        "none.proof",
    ] {
        assert_eq!(kind(&mut agent, "verify", proof(name)), "no-file", "{name}");
    }
    let run = |model: &str, data: Value| json!({"model": model, "input_data": data});
    assert_eq!(
        kind(&mut agent, "run", run("../mcp-models/credit", zeros(1))),
        "no-model"
    );
    assert_eq!(
        kind(&mut agent, "run", run("credit", json!([[1]]))),
        "input"
    );
    assert_eq!(
        kind(&mut agent, "run", run("credit", zeros(200))),
        "too-large"
    );
    assert_eq!(kind(&mut agent, "run", json!({"model": 3})), "invalid");
    assert_eq!(
        kind(&mut agent, "explain", json!({"check": "none"})),
        "no-check"
    );
    let unknown = agent.ask("tools/call", &json!({"name": "none", "arguments": {}}));
    assert!(unknown["error"].is_object());
    agent.end();
}

#[test]
fn a_proof_has_a_time_limit() {
    let mut agent = Agent::start(&folder("mcp-time"), &["--timeout", "0"]);
    let result = agent.call("prove", &json!({"model": "credit", "input_data": zeros(1)}));
    assert_eq!(
        result["structuredContent"]["error"]["kind"], "time-limit",
        "{result}"
    );
}
