//! Paths, tokens and limits.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{MODELS, Server, TOKEN, base64, input, read};
use crate::program::{folder, pleat, text};

#[test]
fn models_are_described_and_run() {
    let server = Server::start(&folder("serve-run"), &[]);
    let list = server.get("/v1/models").demand(200).json();
    assert_eq!(list["models"][0]["name"], "credit");
    let info = server.get("/v1/models/credit").demand(200).json();
    assert_eq!(info["inputs"][0]["numbers"], 61);
    assert_eq!(info["model_id"], list["models"][0]["model_id"]);
    let name = info["inputs"][0]["name"].as_str().unwrap();
    let named = json!({"inputs": {name: [[0; 61]]}});
    let of = |body: &Value| {
        server
            .post("/v1/models/credit/run", body)
            .demand(200)
            .json()
    };
    assert_eq!(of(&input())["output"], of(&named)["output"]);
    let vmodel = server.get("/v1/models/credit/vmodel").demand(200).body;
    assert_eq!(vmodel, fs::read(MODELS.join("credit.vmodel")).unwrap());
}

#[test]
fn a_proof_is_made_and_checked() {
    let server = Server::start(&folder("serve-prove"), &[]);
    let mut body = input();
    body["hide"] = json!(["input"]);
    body["claims"] = json!({"agent": "tester"});
    let id = server.prove(&body);
    let status = server.ended(&id);
    assert_eq!(status["state"], "done", "{status}");
    assert_eq!(status["files"], json!(["proof", "receipt", "secret"]));
    let verdict = server.verifies(&id);
    assert_eq!(verdict["valid"], true, "{verdict}");
    assert_eq!(verdict["receipt"]["claims"]["agent"], "tester");
    assert_eq!(verdict["output"], status["result"]["output"]);
    assert_eq!(verdict["receipt"]["hash"], status["result"]["receipt_hash"]);

    let mut proof = server.get(&format!("/v1/jobs/{id}/proof")).body;
    *proof.last_mut().unwrap() ^= 1;
    let body = json!({"model": "credit", "proof": base64(&proof)});
    let verdict = server.post("/v1/verify", &body).demand(200).json();
    assert_eq!(verdict["valid"], false);
    let explained = server
        .post("/v1/explain", &json!({"check": verdict["check"]}))
        .demand(200);
    assert_eq!(explained.json()["explanation"], verdict["explanation"]);

    let receipt = server.get(&format!("/v1/jobs/{id}/receipt")).json();
    let proof = server.get(&format!("/v1/jobs/{id}/proof")).body;
    let chain = json!({"members": [{"receipt": receipt, "proof": base64(&proof)}]});
    let verdict = server.post("/v1/verify-chain", &chain).demand(200).json();
    assert_eq!(verdict["valid"], true, "{verdict}");

    let secret = server.get(&format!("/v1/jobs/{id}/secret")).demand(200);
    assert!(secret.body.starts_with(b"PLEATSE\n"));
    server
        .send("DELETE", &format!("/v1/jobs/{id}"), &[], b"")
        .demand(204);
    server.get(&format!("/v1/jobs/{id}")).fails(404, "no-job");
    server
        .get(&format!("/v1/jobs/{id}/proof"))
        .fails(404, "no-job");
}

#[test]
fn events_tell_of_progress_and_of_the_end() {
    let server = Server::start(&folder("serve-events"), &[]);
    let id = server.prove(&input());
    let events = server.get(&format!("/v1/jobs/{id}/events")).demand(200);
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    let text = String::from_utf8_lossy(&events.body);
    assert!(text.contains("event: done") && text.contains(&id), "{text}");
    assert_eq!(server.ended(&id)["state"], "done");
}

#[test]
fn without_the_token_nothing_is_done() {
    let server = Server::start(&folder("serve-token"), &[]);
    for token in [
        "",
        "Authorization: Bearer wrong\r\n",
        "Authorization: Basic YTpi\r\n",
    ] {
        for path in ["/v1/models", "/metrics", "/v1/jobs/x/secret"] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: x\r\n{token}Connection: close\r\n\r\n");
            let answer = server.raw(request.as_bytes()).fails(401, "unauthorized");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    for path in ["/healthz", "/openapi.json"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        server.raw(request.as_bytes()).demand(200);
    }
    let metrics = server.get("/metrics").demand(200);
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(
        text.contains("pleat_rejected_total{reason=\"unauthorized\"} 9"),
        "{text}"
    );
}

#[test]
fn a_server_without_a_token_is_this_computers_alone() {
    let jobs = folder("serve-tokenless");
    let server = Server::start_with(&MODELS, &jobs, &[], &[]);
    server.get("/v1/models").demand(200);
    let foreign = b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    server.raw(foreign).fails(403, "host");
    let mut body = input();
    body["hide"] = json!(["input"]);
    let id = server.prove(&body);
    assert_eq!(server.ended(&id)["state"], "done");
    server
        .get(&format!("/v1/jobs/{id}/secret"))
        .fails(403, "token-needed");
    let start = |more: &[&str]| {
        let args = ["serve", "--models", text(&MODELS), "--jobs", text(&jobs)];
        pleat(&[&args, more].concat())
    };
    start(&["--listen", "127.0.0.1:0"])
        .demand(2)
        .says(&["another server works"]);
    drop(server);
    start(&["--listen", "0.0.0.0:0"])
        .demand(2)
        .says(&["--token-file"]);
    let short = folder("serve-short").join("token");
    fs::write(&short, "short").unwrap();
    start(&["--token-file", text(&short)])
        .demand(2)
        .says(&["at least 16"]);
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_folder_is_a_model() {
    let models = folder("serve-inside");
    let outside = folder("serve-outside");
    for ending in ["pleat", "vmodel"] {
        let file = outside.join(format!("credit.{ending}"));
        fs::copy(MODELS.join(format!("credit.{ending}")), &file).unwrap();
        std::os::unix::fs::symlink(&file, models.join(format!("link.{ending}"))).unwrap();
    }
    let env = [("PLEAT_TOKEN", TOKEN)];
    let server = Server::start_with(&models, &folder("serve-inside-jobs"), &[], &env);
    assert_eq!(server.get("/v1/models").json(), json!({"models": []}));
    let absolute = text(&outside).replace('/', "%2f");
    let names = [
        "link",
        "..%2fserve-outside%2fcredit",
        "..%2Fserve-outside%2Fcredit",
        "%2e%2e",
        "credit%00",
        "%ff",
        &format!("{absolute}%2fcredit"),
        ".",
        "a b",
        "",
    ];
    for name in names {
        let name = name.replace(' ', "%20");
        for path in ["", "/vmodel"] {
            let answer = server.get(&format!("/v1/models/{name}{path}")).demand(404);
            let error = answer.json()["error"]["kind"].clone();
            assert!(error == "no-model" || error == "no-path", "{name}: {error}");
        }
        let run = server.post(&format!("/v1/models/{name}/run"), &input());
        run.demand(404);
    }
    for id in ["..", "%2e%2e%2f", &"0".repeat(47), &"A".repeat(48)] {
        server.get(&format!("/v1/jobs/{id}/proof")).demand(404);
    }
}

#[test]
fn bad_requests_are_told_what_is_wrong() {
    let server = Server::start(&folder("serve-bad"), &["--max-input-bytes", "100000"]);
    let run = "/v1/models/credit/run";
    let json_type = "Content-Type: application/json";
    let raw = |body: &[u8]| server.send("POST", run, &[json_type], body);
    raw(b"{").fails(400, "malformed");
    raw(b"").fails(400, "malformed");
    raw(&b"[".repeat(90_000)).fails(400, "malformed");
    raw(b"[[1], null, 1]").fails(422, "invalid");
    raw(b"{\"input\": [[1]]}").fails(422, "invalid");
    raw(b"{\"input_data\": 1}").fails(422, "invalid");
    raw(b"{\"input_data\": [[1e99]]}").fails(422, "invalid");
    raw(b"{\"input_data\": [[1]]}").fails(422, "input");
    raw(b"{}").fails(422, "input");
    let far = json!({"input_data": [vec![1e7; 61]]});
    server.post(run, &far).fails(422, "range");
    let many = json!({"input_data": [[0]], "samples": 65_536});
    server.post(run, &many).fails(422, "too-many-rows");
    server
        .post(run, &json!({"samples": 0}))
        .fails(422, "invalid");
    server
        .send("POST", run, &["Content-Type: text/plain"], b"{}")
        .fails(415, "content-type");
    server
        .send("POST", run, &[], b"{}")
        .fails(415, "content-type");
    raw(&vec![b'0'; 100_001]).fails(413, "too-large");
    let head = format!(
        "POST {run} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n{json_type}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    let chunk = [b"10000\r\n".as_slice(), &[b'0'; 0x10000], b"\r\n"].concat();
    let chunked = [head.as_bytes(), &chunk, &chunk, b"0\r\n\r\n"].concat();
    server.raw(&chunked).fails(413, "too-large");
    server.get("/v1/none").fails(404, "no-path");
    let wrong = server.get(run).fails(405, "method");
    assert_eq!(wrong.header("allow"), Some("POST"));
    let hidden = json!({"input_data": [vec![0; 61]], "hide": ["input"], "leave_out": ["input"]});
    server
        .post("/v1/models/credit/prove", &hidden)
        .fails(422, "invalid");
    server
        .post("/v1/models/credit/prove", &far)
        .fails(422, "range");
    let verify = json!({"model": "credit", "proof": "AAA"});
    server.post("/v1/verify", &verify).fails(422, "invalid");
    server
        .post("/v1/explain", &json!({"check": "none"}))
        .fails(404, "no-check");
}

#[test]
fn a_slow_body_times_out() {
    let server = Server::start(&folder("serve-slow"), &[]);
    let mut stream = server.connect();
    let head = format!(
        "POST /v1/models/credit/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let start = Instant::now();
    read(&mut stream).fails(408, "slow");
    assert!(start.elapsed() < Duration::from_secs(60));
    // A head that does not end is not waited for either.
    let mut stream = server.connect();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut rest).unwrap();
    server.get("/healthz").demand(200);
}

#[test]
fn connections_beyond_the_limit_are_told_so() {
    let server = Server::start(&folder("serve-connections"), &["--connections", "2"]);
    let open: Vec<_> = (0..2).map(|_| server.connect()).collect();
    std::thread::sleep(Duration::from_millis(200));
    let answer = server.get("/healthz").fails(503, "busy");
    assert!(answer.header("retry-after").is_some());
    drop(open);
    let until = Instant::now() + Duration::from_secs(20);
    while server.get("/healthz").status != 200 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(50));
    }
}
