//! Recurrent layers, unrolled: a step's gates are sums of two products, one of its input, one of its state.

use super::rewriter::{Node, Outcome, Refusal, Rewriter};

/// Operands and sizes of a recurrent node.
struct Layer<'a> {
    node: &'a Node,
    hidden: usize,
    gates: usize,
    batch: usize,
    steps: usize,
    /// `[steps, batch, input]`.
    x: String,
}

/// One direction's weights, per gate: of the input `[input, hidden]`, of the state `[hidden, hidden]`, biases `[hidden]`.
struct Gate {
    input: String,
    state: String,
    input_bias: Option<String>,
    state_bias: Option<String>,
}

/// What one direction gives.
struct Pass {
    /// `[batch, hidden]` per step, in the sequence's order.
    states: Vec<String>,
    last: String,
    cell: Option<String>,
}

impl Rewriter {
    /// `LSTM`, `GRU`, `RNN`.
    pub(super) fn recurrent(&mut self, node: &Node) -> Outcome<Vec<String>> {
        let gates = match node.operator() {
            "LSTM" => 4,
            "GRU" => 3,
            _ => 1,
        };
        if node.floats("clip").is_some() || node.float("clip", 0.0) != 0.0 {
            return Err(Refusal::new("clipped gates are not supported"));
        }
        if node.flag("input_forget") {
            return Err(Refusal::new("coupled gates are not supported"));
        }
        let batch_first = node.flag("layout");
        let mut x = node.input(0)?.to_owned();
        if batch_first {
            x = self.transpose(&x, &[1, 0, 2]);
        }
        let [steps, batch, _] = *self.shape(&x)?.as_slice() else {
            return Err(Refusal::new("its input has not three axes"));
        };
        let [directions, _, hidden] = *self.shape(node.input(2)?)?.as_slice() else {
            return Err(Refusal::new("its weights have not three axes"));
        };
        if let Some(lens) = node.optional(4) {
            let lens = self.constant(lens)?.as_ints();
            if lens.iter().any(|n| usize::try_from(*n) != Ok(steps)) {
                return Err(Refusal::new("its sequences have different lengths"));
            }
        }
        let layer = Layer {
            node,
            hidden,
            gates,
            batch,
            steps,
            x,
        };
        let reverse = node.text("direction").is_some_and(|d| d == "reverse");
        let mut passes = Vec::new();
        for direction in 0..directions {
            passes.push(self.pass(&layer, direction, reverse || direction == 1, batch_first)?);
        }
        // All states: [steps, directions, batch, hidden].
        let mut all = Vec::new();
        for step in 0..steps {
            let states: Vec<String> = (passes.iter())
                .filter_map(|p| p.states.get(step))
                .map(|s| self.reshape(s, &[1, 1, batch, hidden]))
                .collect();
            all.push(self.concat(&states, 1));
        }
        let mut y = self.concat(&all, 0);
        if batch_first {
            y = self.transpose(&y, &[2, 0, 1, 3]);
        }
        let mut ends = |states: Vec<&String>| {
            let states: Vec<String> = (states.into_iter())
                .map(|s| self.reshape(s, &[1, batch, hidden]))
                .collect();
            let ends = self.concat(&states, 0);
            if batch_first {
                self.transpose(&ends, &[1, 0, 2])
            } else {
                ends
            }
        };
        let last = ends(passes.iter().map(|p| &p.last).collect());
        let mut results = vec![y, last];
        if node.operator() == "LSTM" && node.outputs() > 2 {
            results.push(ends(
                passes.iter().filter_map(|p| p.cell.as_ref()).collect(),
            ));
        }
        Ok(results)
    }

    fn pass(
        &mut self,
        layer: &Layer<'_>,
        direction: usize,
        reverse: bool,
        batch_first: bool,
    ) -> Outcome<Pass> {
        let functions = self.activations(layer, direction)?;
        let weights = self.gates(layer, direction)?;
        let peepholes = match layer.node.optional(7) {
            Some(p) => {
                let own = self.slice(p, 0, direction, direction + 1);
                let h = layer.hidden;
                let part = |k: usize| (k * h, (k + 1) * h);
                let mut parts = Vec::new();
                for (from, to) in [part(0), part(1), part(2)] {
                    let slice = self.slice(&own, 1, from, to);
                    parts.push(self.reshape(&slice, &[h]));
                }
                Some(parts)
            }
            None => None,
        };
        let mut initial = |slot: usize| -> Option<String> {
            let given = layer.node.optional(slot)?;
            let axis = usize::from(batch_first);
            let own = self.slice(given, axis, direction, direction + 1);
            Some(self.reshape(&own, &[layer.batch, layer.hidden]))
        };
        let mut state = initial(5);
        let mut cell = initial(6);
        let input = self.shape(&layer.x)?.last().copied().unwrap_or(1);
        let mut states = vec![String::new(); layer.steps];
        for k in 0..layer.steps {
            let step = if reverse { layer.steps - 1 - k } else { k };
            let x = self.slice(&layer.x, 0, step, step + 1);
            let x = self.reshape(&x, &[layer.batch, input]);
            let next = match layer.node.operator() {
                "LSTM" => {
                    let (h, c) =
                        self.lstm(&x, (&state, &cell), &weights, &peepholes, &functions)?;
                    cell = Some(c);
                    h
                }
                "GRU" => {
                    let late = layer.node.flag("linear_before_reset");
                    self.gru(&x, state.as_ref(), &weights, late, &functions)?
                }
                _ => {
                    let sum = self.gate(&x, state.as_ref(), nth(&weights, 0)?);
                    self.unary(nth(&functions, 0)?, &sum)
                }
            };
            if let Some(place) = states.get_mut(step) {
                place.clone_from(&next);
            }
            state = Some(next);
        }
        let last = state.ok_or_else(|| Refusal::new("its sequence is empty"))?;
        Ok(Pass { states, last, cell })
    }

    /// The operators of a direction's activation functions.
    fn activations(&self, layer: &Layer<'_>, direction: usize) -> Outcome<Vec<String>> {
        let usual: &[&str] = match layer.node.operator() {
            "LSTM" => &["Sigmoid", "Tanh", "Tanh"],
            "GRU" => &["Sigmoid", "Tanh"],
            _ => &["Tanh"],
        };
        let Some(named) = layer.node.texts("activations") else {
            return Ok(usual.iter().map(|f| (*f).to_owned()).collect());
        };
        let parameters = ["activation_alpha", "activation_beta"];
        if parameters.iter().any(|p| layer.node.floats(p).is_some()) {
            return Err(Refusal::new(
                "activations with parameters are not supported",
            ));
        }
        let known = [
            "Relu",
            "Tanh",
            "Sigmoid",
            "Softsign",
            "Softplus",
            "HardSigmoid",
            "Elu",
        ];
        let own = named
            .into_iter()
            .skip(direction * usual.len())
            .take(usual.len());
        own.map(|f| {
            let same = known.iter().find(|k| k.eq_ignore_ascii_case(&f));
            same.map(|k| (*k).to_owned())
                .ok_or_else(|| Refusal::new(format!("activation {f} is not supported")))
        })
        .collect()
    }

    fn gates(&mut self, layer: &Layer<'_>, direction: usize) -> Outcome<Vec<Gate>> {
        let h = layer.hidden;
        let mut matrix = |slot: usize, gate: usize| -> Outcome<String> {
            let whole = layer.node.input(slot)?;
            let width = self.shape(whole)?.last().copied().unwrap_or(1);
            let own = self.slice(whole, 0, direction, direction + 1);
            let own = self.slice(&own, 1, gate * h, (gate + 1) * h);
            let own = self.reshape(&own, &[h, width]);
            Ok(self.transpose(&own, &[1, 0]))
        };
        let mut gates = Vec::new();
        for gate in 0..layer.gates {
            gates.push(Gate {
                input: matrix(1, gate)?,
                state: matrix(2, gate)?,
                input_bias: None,
                state_bias: None,
            });
        }
        if let Some(biases) = layer.node.optional(3) {
            let own = self.slice(biases, 0, direction, direction + 1);
            let own = self.reshape(&own, &[2 * layer.gates * h]);
            let count = layer.gates;
            for (k, gate) in gates.iter_mut().enumerate() {
                gate.input_bias = Some(self.slice(&own, 0, k * h, (k + 1) * h));
                gate.state_bias = Some(self.slice(&own, 0, (count + k) * h, (count + k + 1) * h));
            }
        }
        Ok(gates)
    }

    fn biased(&mut self, x: String, bias: Option<&String>) -> String {
        match bias {
            Some(bias) => self.add(&x, bias),
            None => x,
        }
    }

    /// `x·W + h·R + b`.
    fn gate(&mut self, x: &str, state: Option<&String>, gate: &Gate) -> String {
        let mut sum = self.matmul(x, &gate.input);
        if let Some(state) = state {
            let part = self.matmul(state, &gate.state);
            sum = self.add(&sum, &part);
        }
        let sum = self.biased(sum, gate.input_bias.as_ref());
        self.biased(sum, gate.state_bias.as_ref())
    }

    fn lstm(
        &mut self,
        x: &str,
        (state, cell): (&Option<String>, &Option<String>),
        weights: &[Gate],
        peepholes: &Option<Vec<String>>,
        functions: &[String],
    ) -> Outcome<(String, String)> {
        // The gates' order is input, output, forget, cell; the peepholes' the same.
        let mut gate = |k: usize, seen: Option<&String>, f: usize| -> Outcome<String> {
            let mut sum = self.gate(x, state.as_ref(), nth(weights, k)?);
            if let (Some(seen), Some(peepholes)) = (seen, peepholes) {
                let part = self.mul(seen, nth(peepholes, k)?);
                sum = self.add(&sum, &part);
            }
            Ok(self.unary(nth(functions, f)?, &sum))
        };
        let input = gate(0, cell.as_ref(), 0)?;
        let forget = gate(2, cell.as_ref(), 0)?;
        let candidate = gate(3, None, 1)?;
        let mut new = self.mul(&input, &candidate);
        if let Some(cell) = cell {
            let kept = self.mul(&forget, cell);
            new = self.add(&kept, &new);
        }
        let mut sum = self.gate(x, state.as_ref(), nth(weights, 1)?);
        if let Some(peepholes) = peepholes {
            let part = self.mul(&new, nth(peepholes, 1)?);
            sum = self.add(&sum, &part);
        }
        let output = self.unary(nth(functions, 0)?, &sum);
        let shown = self.unary(nth(functions, 2)?, &new);
        Ok((self.mul(&output, &shown), new))
    }

    fn gru(
        &mut self,
        x: &str,
        state: Option<&String>,
        weights: &[Gate],
        late: bool,
        functions: &[String],
    ) -> Outcome<String> {
        let sum = self.gate(x, state, nth(weights, 0)?);
        let update = self.unary(nth(functions, 0)?, &sum);
        let sum = self.gate(x, state, nth(weights, 1)?);
        let reset = self.unary(nth(functions, 0)?, &sum);
        let own = nth(weights, 2)?;
        let mut sum = self.matmul(x, &own.input);
        sum = self.biased(sum, own.input_bias.as_ref());
        if late {
            // Reset applies to the bias, too.
            let part = match state {
                Some(state) => {
                    let part = self.matmul(state, &own.state);
                    Some(self.biased(part, own.state_bias.as_ref()))
                }
                None => own.state_bias.clone(),
            };
            if let Some(part) = part {
                let part = self.mul(&reset, &part);
                sum = self.add(&sum, &part);
            }
        } else {
            if let Some(state) = state {
                let kept = self.mul(&reset, state);
                let part = self.matmul(&kept, &own.state);
                sum = self.add(&sum, &part);
            }
            sum = self.biased(sum, own.state_bias.as_ref());
        }
        let candidate = self.unary(nth(functions, 1)?, &sum);
        // (1 - z)·n + z·h = n + z·(h - n)
        let difference = match state {
            Some(state) => self.sub(state, &candidate),
            None => self.times(&candidate, -1.0),
        };
        let part = self.mul(&update, &difference);
        Ok(self.add(&candidate, &part))
    }
}

fn nth<T>(of: &[T], k: usize) -> Outcome<&T> {
    of.get(k)
        .ok_or_else(|| Refusal::new("it has too few gates"))
}
