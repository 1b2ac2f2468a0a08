//! The OpenAPI document: paths are listed here, schemas are derived from the types that are read and written.

use pleat_verifier::command::{ChainVerdict, Verdict};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::status::JobStatus;
use crate::service::answers::{Checked, ErrorAnswer, Explanation, ModelInfo, ModelList, RunAnswer};
use crate::service::jobs::JobId;
use crate::service::models::Name;
use crate::service::requests::{
    ChainRequest, ExplainRequest, ProveRequest, RunRequest, VerifyRequest,
};

const ABOUT: &str = "Proves what neural networks answer, and checks such proofs. Everything in a proof that is not hidden is public. \
Errors are objects {\"error\": {\"kind\", \"message\", \"remedy\"}}, whose kinds stay the same.";

/// Builds the document.
struct Builder {
    schemas: SchemaGenerator,
    has_token: bool,
    paths: Map<String, Value>,
}

/// An operation.
struct Operation {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    body: Option<Value>,
    good: (u16, Value),
    /// Errors besides those that all operations have.
    errors: &'static [u16],
}

/// The document.
pub fn document(has_token: bool) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut builder = Builder {
        schemas: settings.into_generator(),
        has_token,
        paths: Map::new(),
    };
    builder.models();
    builder.jobs();
    builder.checks();
    builder.server();
    builder.finish()
}

impl Builder {
    fn schema<T: schemars::JsonSchema>(&mut self) -> Value {
        self.schemas.subschema_for::<T>().to_value()
    }

    fn models(&mut self) {
        let list = content(self.schema::<ModelList>());
        let info = content(self.schema::<ModelInfo>());
        let ran = content(self.schema::<RunAnswer>());
        let run = self.schema::<RunRequest>();
        let operation = |path, id, summary, good| Operation {
            path,
            method: "get",
            id,
            summary,
            body: None,
            good: (200, good),
            errors: &[404, 409, 500, 503, 504],
        };
        self.add(Operation {
            errors: &[503, 504],
            ..operation("/v1/models", "listModels", "The models of the folder", list)
        });
        self.add(operation(
            "/v1/models/{name}",
            "getModel",
            "A model: its id, and names, shapes, scales and ranges of its tensors",
            info,
        ));
        self.add(operation(
            "/v1/models/{name}/vmodel",
            "getVerificationModel",
            "The verification model, with which anyone checks proofs (`pleat-verify`)",
            binary(),
        ));
        self.add(Operation {
            method: "post",
            body: Some(run),
            errors: &[400, 404, 408, 409, 413, 415, 422, 500, 503, 504],
            ..operation(
                "/v1/models/{name}/run",
                "run",
                "Run a model in integers, without a proof",
                ran,
            )
        });
    }

    fn jobs(&mut self) {
        let status = content(self.schema::<JobStatus>());
        let prove = self.schema::<ProveRequest>();
        let operation = |path, id, summary, good| Operation {
            path,
            method: "get",
            id,
            summary,
            body: None,
            good: (200, good),
            errors: &[404],
        };
        self.add(Operation {
            method: "post",
            body: Some(prove),
            good: (202, linked(status.clone())),
            errors: &[400, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504],
            ..operation(
                "/v1/models/{name}/prove",
                "prove",
                "Queue a run to be proved. Once this is answered, the job is on disk and survives a restart. The same Idempotency-Key with the same request gives the same job",
                status.clone(),
            )
        });
        self.add(operation("/v1/jobs/{id}", "getJob", "A job", status));
        self.add(Operation {
            method: "delete",
            good: (204, json!({"description": "It is removed, with its files; if it waited or ran, it is cancelled."})),
            ..operation("/v1/jobs/{id}", "removeJob", "Remove or cancel a job", Value::Null)
        });
        let events = json!({
            "description": "Server-sent events: `progress` as often as it changes, then `done` with the job, or `removed`, or `stopping`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        });
        self.add(Operation {
            errors: &[404, 503],
            ..operation("/v1/jobs/{id}/events", "followJob", "Follow a job", events)
        });
        let result = |path, id, summary, good| Operation {
            errors: &[404, 409],
            ..operation(path, id, summary, good)
        };
        self.add(result(
            "/v1/jobs/{id}/proof",
            "getProof",
            "The proof",
            binary(),
        ));
        let receipt = content(json!({"type": "object", "required": ["receipt", "model", "proof"]}));
        self.add(result(
            "/v1/jobs/{id}/receipt",
            "getReceipt",
            "The receipt, in canonical JSON: its bytes are what its hash is of",
            receipt,
        ));
        self.add(result(
            "/v1/jobs/{id}/secret",
            "getSecret",
            "What opens the hidden inputs and outputs: secret, and served only if the server has a token",
            binary(),
        ));
    }

    fn checks(&mut self) {
        let verdict = content(self.schema::<Checked<Verdict>>());
        let chain = content(self.schema::<Checked<ChainVerdict>>());
        let explanation = content(self.schema::<Explanation>());
        let bodies = [
            self.schema::<VerifyRequest>(),
            self.schema::<ChainRequest>(),
            self.schema::<ExplainRequest>(),
        ];
        let [verify, members, what] = bodies.map(Some);
        let operation = |path, id, summary, body, good| Operation {
            path,
            method: "post",
            id,
            summary,
            body,
            good: (200, good),
            errors: &[400, 404, 408, 409, 413, 415, 422, 500, 503, 504],
        };
        self.add(operation(
            "/v1/verify",
            "verify",
            "Check a proof. One that is refused is a verdict, not an error",
            verify,
            verdict,
        ));
        self.add(operation(
            "/v1/verify-chain",
            "verifyChain",
            "Check proofs that take each other's outputs as inputs, by their receipts",
            members,
            chain,
        ));
        self.add(operation(
            "/v1/explain",
            "explain",
            "What a verdict, or the check that refused, means",
            what,
            explanation,
        ));
    }

    fn server(&mut self) {
        let text = |of: &str| json!({"description": "Good.", "content": {of: {"schema": {"type": "string"}}}});
        let operation = |path, id, summary, good| Operation {
            path,
            method: "get",
            id,
            summary,
            body: None,
            good: (200, good),
            errors: &[],
        };
        let health = content(json!({
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"const": "ok"}},
        }));
        self.add(operation(
            "/metrics",
            "metrics",
            "Counts, as Prometheus reads them",
            text("text/plain"),
        ));
        self.add(Operation {
            errors: &[503],
            ..operation(
                "/healthz",
                "health",
                "Whether the server takes requests",
                health,
            )
        });
        let own = content(json!({"type": "object", "required": ["openapi"]}));
        self.add(operation("/openapi.json", "document", "This document", own));
    }

    fn add(&mut self, operation: Operation) {
        let Operation {
            path,
            method,
            id,
            summary,
            body,
            good: (status, good),
            errors,
        } = operation;
        let is_open = matches!(path, "/healthz" | "/openapi.json");
        let mut responses = Map::new();
        responses.insert(status.to_string(), good);
        let guard: &[u16] = match (is_open, self.has_token) {
            (true, _) => &[],
            (false, true) => &[401, 403],
            (false, false) => &[403],
        };
        for error in errors.iter().chain(guard) {
            responses.insert(error.to_string(), error_of(*error));
        }
        let mut described = json!({
            "operationId": id,
            "summary": summary,
            "responses": responses,
            "security": if is_open || !self.has_token { json!([]) } else { json!([{"token": []}]) },
        });
        let mut parameters = Vec::new();
        if path.contains("{name}") {
            parameters.push(json!({"name": "name", "in": "path", "required": true, "description": "A model's name.",
                "schema": {"type": "string", "pattern": Name::PATTERN}}));
        }
        if path.contains("{id}") {
            parameters.push(
                json!({"name": "id", "in": "path", "required": true, "description": "A job's id.",
                "schema": {"type": "string", "pattern": JobId::PATTERN}}),
            );
        }
        if id == "prove" {
            parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false,
                "description": "A fresh text for a fresh request, a UUID for instance; kept as long as the job.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"}}));
        }
        if let Some(members) = described.as_object_mut() {
            if !parameters.is_empty() {
                members.insert("parameters".to_owned(), Value::Array(parameters));
            }
            if let Some(schema) = body {
                let body =
                    json!({"required": true, "content": {"application/json": {"schema": schema}}});
                members.insert("requestBody".to_owned(), body);
            }
        }
        let entry = self.paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = entry.as_object_mut() {
            methods.insert(method.to_owned(), described);
        }
    }

    fn finish(mut self) -> Value {
        let error = self.schema::<ErrorAnswer>();
        let mut schemas = self.schemas.take_definitions(true);
        schemas.insert("Error".to_owned(), error);
        let mut components = json!({"schemas": schemas});
        if self.has_token
            && let Some(members) = components.as_object_mut()
        {
            members.insert(
                "securitySchemes".to_owned(),
                json!({"token": {"type": "http", "scheme": "bearer"}}),
            );
        }
        json!({
            "openapi": "3.1.0",
            "info": {"title": "Pleat", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT,
                "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}},
            "paths": self.paths,
            "components": components,
        })
    }
}

fn content(schema: Value) -> Value {
    json!({"description": "Good.", "content": {"application/json": {"schema": schema}}})
}

/// A job, with what can be done with its id.
fn linked(mut job: Value) -> Value {
    let link = |operation: &str| json!({"operationId": operation, "parameters": {"id": "$response.body#/id"}});
    let operations = [
        "getJob",
        "followJob",
        "getProof",
        "getReceipt",
        "getSecret",
        "removeJob",
    ];
    let links: Map<String, Value> = operations
        .iter()
        .map(|o| ((*o).to_owned(), link(o)))
        .collect();
    if let Some(members) = job.as_object_mut() {
        members.insert("links".to_owned(), Value::Object(links));
        members.insert(
            "headers".to_owned(),
            json!({"Location": {"schema": {"type": "string"}}}),
        );
    }
    job
}

fn binary() -> Value {
    json!({"description": "The file.", "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}})
}

fn error_of(status: u16) -> Value {
    let about = match status {
        400 => "The body or a header is malformed.",
        401 => "The bearer token is missing or wrong.",
        403 => "Not without a token.",
        404 => "There is no such thing.",
        408 => "The body was too slow.",
        409 => "Not in this state, or not with this key.",
        413 => "The body is too large.",
        415 => "The body is no JSON.",
        422 => {
            "The request is well formed, and cannot be carried out: another input or model may do."
        }
        429 => "The queue is full.",
        503 => "Too much is being done, or the server stops.",
        504 => "It took too long.",
        _ => "The server failed; its log says why.",
    };
    let mut response = json!({
        "description": about,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    });
    let header = match status {
        401 => Some(("WWW-Authenticate", json!({"schema": {"type": "string"}}))),
        429 | 503 => Some((
            "Retry-After",
            json!({"description": "Seconds.", "schema": {"type": "integer"}}),
        )),
        _ => None,
    };
    if let (Some((name, header)), Some(members)) = (header, response.as_object_mut()) {
        members.insert("headers".to_owned(), json!({name: header}));
    }
    response
}
