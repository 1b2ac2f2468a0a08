//! A server, and a client of its own over plain sockets.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{CACHE, credit_models, text};

pub const TOKEN: &str = "a-token-for-tests-only";
const FEATURES: usize = 61;
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with the credit model.
pub static MODELS: LazyLock<PathBuf> = LazyLock::new(|| credit_models("serve-models"));

/// An input that it takes.
pub fn input() -> Value {
    json!({"input_data": [vec![0.0; FEATURES]]})
}

/// The same, of so many samples: it takes a while.
pub fn long(samples: usize) -> Value {
    json!({"input_data": [vec![0; FEATURES * samples]], "samples": samples})
}

pub struct Server {
    child: Child,
    address: String,
    token: Option<String>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("no JSON")
    }

    #[track_caller]
    pub fn demand(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{body}");
        self
    }

    /// An error of this kind.
    #[track_caller]
    pub fn fails(self, status: u16, kind: &str) -> Self {
        let answer = self.demand(status);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let error = answer.json()["error"].clone();
        assert_eq!(error["kind"], kind, "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(!message.contains(env!("CARGO_TARGET_TMPDIR")), "{message}");
        assert!(!error["remedy"].as_str().unwrap().is_empty());
        answer
    }
}

impl Server {
    /// With the token.
    pub fn start(jobs: &Path, options: &[&str]) -> Self {
        let env = [("PLEAT_TOKEN", TOKEN)];
        Self::start_with(&MODELS, jobs, options, &env)
    }

    pub fn start_with(models: &Path, jobs: &Path, options: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pleat"))
            .args([
                "serve",
                "--json",
                "--models",
                text(models),
                "--jobs",
                text(jobs),
            ])
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .env("PLEAT_CACHE", CACHE)
            .env_remove("PLEAT_TOKEN")
            .env_remove("RUST_LOG")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).expect("the server did not start");
        Self {
            child,
            address: line["listening"].as_str().unwrap().to_owned(),
            token: env.first().map(|(_, token)| (*token).to_owned()),
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read(&mut stream)
    }

    pub fn send(&self, method: &str, path: &str, more: &[&str], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        for line in more {
            head += &format!("{line}\r\n");
        }
        if method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "Connection: close\r\n\r\n";
        self.raw(&[head.as_bytes(), body].concat())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body)
    }

    pub fn post_with(&self, path: &str, more: &[&str], body: &Value) -> Answer {
        let more = [&["Content-Type: application/json"], more].concat();
        self.send("POST", path, &more, body.to_string().as_bytes())
    }

    /// Queues a proof; its job's id.
    pub fn prove(&self, body: &Value) -> String {
        let answer = self.post("/v1/models/credit/prove", body).demand(202);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let location = format!("/v1/jobs/{id}");
        assert_eq!(answer.header("location"), Some(location.as_str()));
        id
    }

    /// Waits until a job has ended.
    pub fn ended(&self, id: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let status = self.get(&format!("/v1/jobs/{id}")).demand(200).json();
            if matches!(status["state"].as_str(), Some("done" | "failed")) {
                return status;
            }
            assert!(Instant::now() < until, "{status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a job runs.
    pub fn runs(&self, id: &str) {
        let until = Instant::now() + PATIENCE;
        let state = || self.get(&format!("/v1/jobs/{id}")).json()["state"].clone();
        while state() != "running" {
            assert!(Instant::now() < until && state() != "done", "{}", state());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The proof of a job, checked against its receipt.
    pub fn verifies(&self, id: &str) -> Value {
        let proof = self.get(&format!("/v1/jobs/{id}/proof")).demand(200).body;
        let receipt = self
            .get(&format!("/v1/jobs/{id}/receipt"))
            .demand(200)
            .json();
        let status = self.get(&format!("/v1/jobs/{id}")).json();
        let body = json!({
            "model": "credit", "proof": base64(&proof), "receipt": receipt,
            "samples": status["result"]["samples"],
        });
        self.post("/v1/verify", &body).demand(200).json()
    }

    /// As a crash ends it.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As it is asked to end.
    #[cfg(unix)]
    pub fn terminate(mut self) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(told.success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one answer.
pub fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut part = [0; 1 << 16];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        let n = stream.read(&mut part).unwrap();
        assert!(n > 0, "closed: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&part[..n]);
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut body = bytes.split_off(end + 4);
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap()[9..12].parse().unwrap();
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_owned(), value.trim().to_owned())
    };
    let headers = lines.map(pair).collect();
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
    };
    let length = answer
        .header("content-length")
        .map(|n| n.parse::<usize>().unwrap());
    while length.is_none_or(|n| body.len() < n) {
        match stream.read(&mut part) {
            Ok(n) if n > 0 => body.extend_from_slice(&part[..n]),
            _ => break,
        }
    }
    answer.body = body;
    answer
}

/// RFC 4648, with padding.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let bits =
            part.iter().fold(0_u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - part.len()));
        for i in 0..4 {
            text.push(if i <= part.len() {
                char::from(DIGITS[(bits >> (18 - 6 * i)) as usize & 63])
            } else {
                '='
            });
        }
    }
    text
}

/// Names in a job's folder, in order.
pub fn files(jobs: &Path, id: &str) -> Vec<String> {
    let entries = fs::read_dir(jobs.join(id)).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
