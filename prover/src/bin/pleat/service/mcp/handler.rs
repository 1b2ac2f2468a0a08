//! From messages to tools and back.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pleat_prover::prove::{Event, Stage};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    JsonObject, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::resources;
use super::tools::{Bench, INSTRUCTIONS, Said, arguments, list};
use crate::service::trouble::Trouble;

/// The server.
pub struct Handler {
    bench: Arc<Bench>,
    limit: Duration,
    tools: Vec<Tool>,
    /// One proof is made at a time; it uses all cores.
    proving: Arc<Semaphore>,
    computing: Arc<Semaphore>,
}

/// Calls besides proofs that compute at once.
const COMPUTING: usize = 2;

/// So far, and what is done now.
type Heard = (f64, &'static str);

impl Handler {
    /// Gives up on what takes longer than the limit.
    pub fn new(bench: Arc<Bench>, limit: Duration) -> Self {
        Self {
            bench,
            limit,
            tools: list(),
            proving: Arc::new(Semaphore::new(1)),
            computing: Arc::new(Semaphore::new(COMPUTING)),
        }
    }

    async fn call(
        &self,
        name: &str,
        given: JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<Said, Trouble> {
        let length = serde_json::to_string(&given).map_or(usize::MAX, |text| text.len());
        if length > self.bench.limit {
            return Err(Trouble::TooLarge {
                limit: self.bench.limit,
            });
        }
        match name {
            "list_models" => {
                let call = arguments(given)?;
                self.compute(move |b| b.list_models(&call)).await
            }
            "run" => {
                let call = arguments(given)?;
                self.compute(move |b| b.run(call)).await
            }
            "verify" => {
                let call = arguments(given)?;
                self.compute(move |b| b.verify(call)).await
            }
            "verify_chain" => {
                let call = arguments(given)?;
                self.compute(move |b| b.verify_chain(call)).await
            }
            "explain" => Bench::explain(&arguments(given)?),
            _ => self.prove(given, context).await,
        }
    }

    async fn compute(
        &self,
        work: impl FnOnce(&Bench) -> Result<Said, Trouble> + Send + 'static,
    ) -> Result<Said, Trouble> {
        let turn = Arc::clone(&self.computing).acquire_owned().await;
        let turn = turn.map_err(Trouble::internal)?;
        let bench = Arc::clone(&self.bench);
        let task = spawn_blocking(move || {
            let _turn = turn;
            work(&bench)
        });
        match timeout(self.limit, task).await {
            Ok(result) => result.map_err(Trouble::internal)?,
            Err(_) => Err(self.too_long()),
        }
    }

    const fn too_long(&self) -> Trouble {
        Trouble::TimeLimit {
            seconds: self.limit.as_secs(),
        }
    }

    async fn prove(
        &self,
        given: JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<Said, Trouble> {
        let call = arguments(given)?;
        let turn = tokio::select! {
            turn = Arc::clone(&self.proving).acquire_owned() => turn.map_err(Trouble::internal)?,
            () = context.ct.cancelled() => return Err(Trouble::Cancelled),
        };
        let (sender, mut heard) = unbounded_channel();
        let bench = Arc::clone(&self.bench);
        let limit = self.limit;
        let cancelled = context.ct.clone();
        let task = spawn_blocking(move || {
            let _turn = turn;
            let (model, request, file) = bench.ordered(call)?;
            let start = Instant::now();
            let mut listener = Listener::new(sender);
            let mut on_event = |event| {
                listener.hear(event);
                if cancelled.is_cancelled() || start.elapsed() > limit {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            };
            let proof = bench.shop.prove(&model, &request, &mut on_event);
            let proof = proof.map_err(|trouble| match trouble {
                Trouble::Cancelled if !cancelled.is_cancelled() => Trouble::TimeLimit {
                    seconds: limit.as_secs(),
                },
                other => other,
            })?;
            if cancelled.is_cancelled() {
                return Err(Trouble::Cancelled);
            }
            bench.proved(&file, proof)
        });
        let token = context.meta.get_progress_token();
        // Ends when the task drops its end.
        while let Some((done, stage)) = heard.recv().await {
            if let Some(token) = &token {
                let total = Stage::ALL.len() as f64;
                let progress = ProgressNotificationParam::new(token.clone(), done)
                    .with_total(total)
                    .with_message(stage);
                // A client that does not listen misses nothing that matters.
                let _ = context.peer.notify_progress(progress).await;
            }
        }
        task.await.map_err(Trouble::internal)?
    }
}

/// Turns events into progress that only grows.
struct Listener {
    sender: UnboundedSender<Heard>,
    stage: Stage,
    last: f64,
}

impl Listener {
    const fn new(sender: UnboundedSender<Heard>) -> Self {
        Self {
            sender,
            stage: Stage::Execute,
            last: -1.0,
        }
    }

    fn hear(&mut self, event: Event) {
        let share = match event {
            Event::Start(stage) => {
                self.stage = stage;
                0.0
            }
            Event::Folded(done, total) => done as f64 / total.max(1) as f64,
        };
        let place = Stage::ALL.iter().position(|s| *s == self.stage);
        let now = place.unwrap_or(0) as f64 + share;
        if now > self.last {
            self.last = now;
            // Nobody listens any more if this fails.
            let _ = self.sender.send((now, self.stage.name()));
        }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        let mut config = ServerConfig::new(capabilities).with_instructions(INSTRUCTIONS);
        config.server_info = Implementation::new("pleat", env!("CARGO_PKG_VERSION"));
        config
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.clone()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.as_ref();
        if self.tools.iter().all(|tool| tool.name != name) {
            let message = format!("there is no tool {name}");
            return Err(ErrorData::invalid_params(message, None));
        }
        let given = request.arguments.unwrap_or_default();
        let result = match self.call(name, given, &context).await {
            Ok(Said { structured, text }) => {
                let mut result = CallToolResult::structured(structured);
                result.content = vec![ContentBlock::text(text)];
                result
            }
            Err(trouble) => {
                let mut result = CallToolResult::structured_error(trouble.to_json());
                let text = format!("{}: {trouble}. {}", trouble.kind(), trouble.remedy());
                result.content = vec![ContentBlock::text(text)];
                result
            }
        };
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(resources::list(&self.bench.store))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = vec![resources::template()];
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = resources::read(&self.bench.store, &request.uri, self.bench.limit)?;
        Ok(read.into())
    }
}
