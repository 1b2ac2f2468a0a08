//! The three families by plain loops, from the tensors as they are in the files.

use crate::folder::Tensors;

pub type Rows = Vec<Vec<f64>>;

/// `x·w + b`, `w` of inputs by outputs.
fn by_input(x: &[f64], w: &Rows, b: &[f64]) -> Vec<f64> {
    (0..w[0].len())
        .map(|o| b[o] + x.iter().zip(w).map(|(x, w)| x * w[o]).sum::<f64>())
        .collect()
}

/// `w·x`, `w` of outputs by inputs.
fn by_output(x: &[f64], w: &Rows) -> Vec<f64> {
    w.iter()
        .map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum())
        .collect()
}

fn plus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn layer_norm(x: &[f64], w: &[f64], b: &[f64], epsilon: f64) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    let scale = 1.0 / (variance + epsilon).sqrt();
    let one = |((v, w), b)| (v - mean) * scale * w + b;
    x.iter().zip(w).zip(b).map(one).collect()
}

fn rms_norm(x: &[f64], w: &[f64], epsilon: f64) -> Vec<f64> {
    let square = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    let scale = 1.0 / (square + epsilon).sqrt();
    x.iter().zip(w).map(|(v, w)| v * scale * w).collect()
}

/// Every head of queries attends; `shared` of them to one of keys.
fn attention(q: &Rows, k: &Rows, v: &Rows, head: usize, shared: usize, causal: bool) -> Rows {
    let heads = q[0].len() / head;
    let mut out = vec![vec![0.0; q[0].len()]; q.len()];
    for (t, out) in out.iter_mut().enumerate() {
        for h in 0..heads {
            let own = h * head..(h + 1) * head;
            let other = h / shared * head..(h / shared + 1) * head;
            let seen = if causal { t + 1 } else { q.len() };
            let score = |u: usize| -> f64 {
                let pairs = q[t][own.clone()].iter().zip(&k[u][other.clone()]);
                pairs.map(|(q, k)| q * k).sum::<f64>() / (head as f64).sqrt()
            };
            let powers: Vec<f64> = (0..seen).map(|u| score(u).exp()).collect();
            let total: f64 = powers.iter().sum();
            for (u, power) in powers.iter().enumerate() {
                for (o, v) in out[own.clone()].iter_mut().zip(&v[u][other.clone()]) {
                    *o += power / total * v;
                }
            }
        }
    }
    out
}

fn rotated(x: &[f64], t: usize, head: usize) -> Vec<f64> {
    let mut out = x.to_vec();
    for (x, out) in x.chunks(head).zip(out.chunks_mut(head)) {
        for i in 0..head / 2 {
            let angle = t as f64 * 10_000_f64.powf(-2.0 * i as f64 / head as f64);
            let (a, b) = (x[i], x[i + head / 2]);
            out[i] = a * angle.cos() - b * angle.sin();
            out[i + head / 2] = b * angle.cos() + a * angle.sin();
        }
    }
    out
}

/// By its series: the tests' arguments are small.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..60 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// Logits of GPT-2.
pub fn gpt2(t: &Tensors, ids: &[usize], layers: usize, heads: usize) -> Rows {
    let (m, v) = (|n: &str| t.matrix(n), |n: &str| t.vector(n));
    let (words, positions) = (m("transformer.wte.weight"), m("transformer.wpe.weight"));
    let mut x: Rows = ids
        .iter()
        .zip(&positions)
        .map(|(id, p)| plus(&words[*id], p))
        .collect();
    let width = words[0].len();
    let dense =
        |x: &[f64], n: &str| by_input(x, &m(&format!("{n}.weight")), &v(&format!("{n}.bias")));
    let norm = |x: &[f64], n: &str| {
        layer_norm(
            x,
            &v(&format!("{n}.weight")),
            &v(&format!("{n}.bias")),
            1e-5,
        )
    };
    for layer in 0..layers {
        let p = format!("transformer.h.{layer}");
        let joint: Rows = (x.iter())
            .map(|x| dense(&norm(x, &format!("{p}.ln_1")), &format!("{p}.attn.c_attn")))
            .collect();
        let part = |i: usize| {
            joint
                .iter()
                .map(|r| r[i * width..(i + 1) * width].to_vec())
                .collect()
        };
        let mixed = attention(&part(0), &part(1), &part(2), width / heads, 1, true);
        for (x, mixed) in x.iter_mut().zip(&mixed) {
            *x = plus(x, &dense(mixed, &format!("{p}.attn.c_proj")));
            let up = dense(&norm(x, &format!("{p}.ln_2")), &format!("{p}.mlp.c_fc"));
            let gelu = |u: &f64| {
                let line = (2.0 / std::f64::consts::PI).sqrt() * (u + 0.044_715 * u.powi(3));
                0.5 * u * (1.0 + line.tanh())
            };
            let up: Vec<f64> = up.iter().map(gelu).collect();
            *x = plus(x, &dense(&up, &format!("{p}.mlp.c_proj")));
        }
    }
    x.iter()
        .map(|x| by_output(&norm(x, "transformer.ln_f"), &words))
        .collect()
}

/// Logits of Llama.
pub fn llama(t: &Tensors, ids: &[usize], layers: usize, head: usize, shared: usize) -> Rows {
    let m = |n: &str| t.matrix(&format!("{n}.weight"));
    let v = |n: &str| t.vector(&format!("{n}.weight"));
    let words = m("model.embed_tokens");
    let mut x: Rows = ids.iter().map(|id| words[*id].clone()).collect();
    for layer in 0..layers {
        let p = format!("model.layers.{layer}");
        let normed: Rows = x
            .iter()
            .map(|x| rms_norm(x, &v(&format!("{p}.input_layernorm")), 1e-5))
            .collect();
        let all = |n: &str| -> Rows {
            let w = m(&format!("{p}.self_attn.{n}"));
            normed.iter().map(|x| by_output(x, &w)).collect()
        };
        let turned = |rows: Rows| -> Rows {
            rows.iter()
                .enumerate()
                .map(|(t, x)| rotated(x, t, head))
                .collect()
        };
        let mixed = attention(
            &turned(all("q_proj")),
            &turned(all("k_proj")),
            &all("v_proj"),
            head,
            shared,
            true,
        );
        for (x, mixed) in x.iter_mut().zip(&mixed) {
            *x = plus(x, &by_output(mixed, &m(&format!("{p}.self_attn.o_proj"))));
            let y = rms_norm(x, &v(&format!("{p}.post_attention_layernorm")), 1e-5);
            let gate = by_output(&y, &m(&format!("{p}.mlp.gate_proj")));
            let up = by_output(&y, &m(&format!("{p}.mlp.up_proj")));
            let gated: Vec<f64> = gate
                .iter()
                .zip(&up)
                .map(|(g, u)| g / (1.0 + (-g).exp()) * u)
                .collect();
            *x = plus(x, &by_output(&gated, &m(&format!("{p}.mlp.down_proj"))));
        }
    }
    let head = if t.has("lm_head.weight") {
        m("lm_head")
    } else {
        words
    };
    x.iter()
        .map(|x| by_output(&rms_norm(x, &v("model.norm"), 1e-5), &head))
        .collect()
}

/// The mean of BERT's tokens, of length 1.
pub fn bert(t: &Tensors, ids: &[usize], layers: usize, heads: usize) -> Vec<f64> {
    let (m, v) = (|n: &str| t.matrix(n), |n: &str| t.vector(n));
    let norm = |x: &[f64], n: &str| {
        layer_norm(
            x,
            &v(&format!("{n}.weight")),
            &v(&format!("{n}.bias")),
            1e-12,
        )
    };
    let dense = |x: &[f64], n: &str| {
        plus(
            &by_output(x, &m(&format!("{n}.weight"))),
            &v(&format!("{n}.bias")),
        )
    };
    let e = "embeddings";
    let words = m(&format!("{e}.word_embeddings.weight"));
    let positions = m(&format!("{e}.position_embeddings.weight"));
    let kinds = m(&format!("{e}.token_type_embeddings.weight"));
    let mut x: Rows = (ids.iter().zip(&positions))
        .map(|(id, p)| {
            norm(
                &plus(&plus(&words[*id], p), &kinds[0]),
                &format!("{e}.LayerNorm"),
            )
        })
        .collect();
    let width = words[0].len();
    for layer in 0..layers {
        let p = format!("encoder.layer.{layer}");
        let all = |n: &str| -> Rows {
            x.iter()
                .map(|x| dense(x, &format!("{p}.attention.self.{n}")))
                .collect()
        };
        let mixed = attention(
            &all("query"),
            &all("key"),
            &all("value"),
            width / heads,
            1,
            false,
        );
        for (x, mixed) in x.iter_mut().zip(&mixed) {
            let own = plus(x, &dense(mixed, &format!("{p}.attention.output.dense")));
            *x = norm(&own, &format!("{p}.attention.output.LayerNorm"));
            let up = dense(x, &format!("{p}.intermediate.dense"));
            let up: Vec<f64> = up
                .iter()
                .map(|u| 0.5 * u * (1.0 + erf(u / 2_f64.sqrt())))
                .collect();
            let own = plus(x, &dense(&up, &format!("{p}.output.dense")));
            *x = norm(&own, &format!("{p}.output.LayerNorm"));
        }
    }
    let mut mean = vec![0.0; width];
    for row in &x {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, v)| *m += v / x.len() as f64);
    }
    let length = mean.iter().map(|v| v * v).sum::<f64>().sqrt();
    mean.iter().map(|v| v / length).collect()
}
