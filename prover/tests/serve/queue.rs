//! The queue: what survives a kill, and its limits.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::client::{Server, files, input, long};
use crate::program::folder;

const DONE: [&str; 5] = [
    "done.json",
    "job.json",
    "proof",
    "proof.receipt.json",
    "request.json",
];

#[test]
fn a_killed_server_loses_no_job() {
    let jobs = folder("serve-kill");
    let server = Server::start(&jobs, &["--max-rows", "10000000"]);
    // The first one takes long enough to be killed in its midst.
    let mut ids = vec![server.prove(&long(2000))];
    ids.extend((0..4).map(|_| server.prove(&input())));
    server.runs(&ids[0]);
    std::thread::sleep(Duration::from_millis(50));
    server.kill();
    for id in &ids {
        assert_eq!(files(&jobs, id), ["job.json", "request.json"], "{id}");
    }
    // Again, in the midst of a later one, and with what an attempt leaves that did not come to its end.
    let server = Server::start(&jobs, &["--max-rows", "10000000"]);
    server.runs(&ids[0]);
    server.kill();
    fs::write(jobs.join(&ids[1]).join("proof"), "half").unwrap();
    fs::write(jobs.join(&ids[2]).join(".pleat-left"), "over").unwrap();
    fs::create_dir(jobs.join("0".repeat(48))).unwrap();

    let server = Server::start(&jobs, &["--max-rows", "10000000"]);
    server
        .get(&format!("/v1/jobs/{}", "0".repeat(48)))
        .fails(404, "no-job");
    let mut finished = Vec::new();
    for id in &ids {
        let status = server.ended(id);
        assert_eq!(status["state"], "done", "{status}");
        finished.push(status["finished"].as_u64().unwrap());
        assert_eq!(server.verifies(id)["valid"], true);
        assert_eq!(files(&jobs, id), DONE);
    }
    assert!(finished.is_sorted(), "not in order: {finished:?}");
    let text = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(text.contains("pleat_proofs_total 5\n"), "{text}");
    let before: Vec<_> = ids
        .iter()
        .map(|id| fs::read(jobs.join(id).join("proof")).unwrap())
        .collect();
    server.kill();

    // What is done stays as it is.
    let server = Server::start(&jobs, &[]);
    for (id, before) in ids.iter().zip(&before) {
        assert_eq!(server.ended(id)["state"], "done");
        assert_eq!(&fs::read(jobs.join(id).join("proof")).unwrap(), before);
    }
    let text = String::from_utf8(server.get("/metrics").body).unwrap();
    assert!(text.contains("pleat_proofs_total 0\n"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_server_that_is_asked_to_end_leaves_its_jobs() {
    let jobs = folder("serve-term");
    let server = Server::start(&jobs, &["--max-rows", "10000000"]);
    let ids = [server.prove(&long(2000)), server.prove(&input())];
    server.runs(&ids[0]);
    server.terminate();
    assert_eq!(files(&jobs, &ids[1]), ["job.json", "request.json"]);
    let server = Server::start(&jobs, &["--max-rows", "10000000"]);
    for id in &ids {
        assert_eq!(server.ended(id)["state"], "done");
    }
}

#[test]
fn a_key_is_good_for_one_job() {
    let jobs = folder("serve-key");
    let server = Server::start(&jobs, &[]);
    let prove = "/v1/models/credit/prove";
    let key = ["Idempotency-Key: 7f3c"];
    let id = |server: &Server| {
        let answer = server.post_with(prove, &key, &input()).demand(202);
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let first = id(&server);
    assert_eq!(id(&server), first);
    server.ended(&first);
    assert_eq!(id(&server), first);
    let mut other = input();
    other["hide"] = json!(["input"]);
    server
        .post_with(prove, &key, &other)
        .fails(409, "reused-key");
    server
        .post_with(prove, &["Idempotency-Key: a b"], &other)
        .fails(400, "bad-key");
    server.kill();
    let server = Server::start(&jobs, &[]);
    assert_eq!(id(&server), first);
    server
        .send("DELETE", &format!("/v1/jobs/{first}"), &[], b"")
        .demand(204);
    assert_ne!(id(&server), first);
}

#[test]
fn a_job_that_is_removed_is_no_more() {
    let jobs = folder("serve-remove");
    let server = Server::start(&jobs, &["--max-rows", "10000000"]);
    let [first, second, third] = [long(2000), input(), input()].map(|body| server.prove(&body));
    server.runs(&first);
    server
        .get(&format!("/v1/jobs/{first}/proof"))
        .fails(409, "not-ready");
    for id in [&first, &second] {
        server
            .send("DELETE", &format!("/v1/jobs/{id}"), &[], b"")
            .demand(204);
        server.get(&format!("/v1/jobs/{id}")).fails(404, "no-job");
        server
            .send("DELETE", &format!("/v1/jobs/{id}"), &[], b"")
            .fails(404, "no-job");
    }
    assert_eq!(server.ended(&third)["state"], "done");
    assert!(!jobs.join(&first).exists() && !jobs.join(&second).exists());
    server.kill();
    let server = Server::start(&jobs, &[]);
    server
        .get(&format!("/v1/jobs/{first}"))
        .fails(404, "no-job");
    assert_eq!(server.ended(&third)["state"], "done");
}

#[test]
fn a_full_queue_says_so() {
    let server = Server::start(
        &folder("serve-full"),
        &["--queue", "1", "--max-rows", "10000000"],
    );
    let first = server.prove(&long(2000));
    server.runs(&first);
    let second = server.prove(&input());
    let answer = server
        .post("/v1/models/credit/prove", &input())
        .fails(429, "queue-full");
    assert!(answer.header("retry-after").is_some());
    for id in [first, second] {
        assert_eq!(server.ended(&id)["state"], "done");
    }
    server.prove(&input());
}

#[test]
fn a_job_has_a_time_limit() {
    let server = Server::start(&folder("serve-time"), &["--timeout", "0"]);
    let status = server.ended(&server.prove(&input()));
    assert_eq!(status["state"], "failed");
    assert_eq!(status["error"]["kind"], "time-limit");
    let id = status["id"].as_str().unwrap();
    server
        .get(&format!("/v1/jobs/{id}/proof"))
        .fails(404, "no-result");
}

#[test]
fn old_jobs_are_removed() {
    let jobs = folder("serve-keep");
    let server = Server::start(&jobs, &["--keep", "2"]);
    let ids: Vec<String> = (0..4).map(|_| server.prove(&input())).collect();
    assert_eq!(server.ended(&ids[3])["state"], "done");
    std::thread::sleep(Duration::from_millis(200));
    server
        .get(&format!("/v1/jobs/{}", ids[0]))
        .fails(404, "no-job");
    server
        .get(&format!("/v1/jobs/{}", ids[1]))
        .fails(404, "no-job");
    assert_eq!(server.ended(&ids[2])["state"], "done");
    assert!(!jobs.join(&ids[0]).exists());
}
