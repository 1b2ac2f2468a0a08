//! `Upsample`, which the importer does not know: each axis that grows by a whole factor becomes two, and they are merged.

use super::rewriter::{Node, Outcome, Refusal, Rewriter};

impl Rewriter {
    /// Nearest-neighbour `Upsample` by whole factors.
    pub(super) fn upsample(&mut self, node: &Node) -> Outcome<String> {
        if node.text("mode").is_some_and(|m| m != "nearest") {
            return Err(Refusal::new(
                "only nearest-neighbour upsampling is supported",
            ));
        }
        let scales: Vec<f64> = match (node.floats("scales"), node.optional(1)) {
            (Some(scales), _) => scales,
            (None, Some(name)) => match self.constant(name) {
                Ok(scales) => scales.flat(),
                Err(_) => return Err(Refusal::new("its factors are not constant")),
            },
            (None, None) => return Err(Refusal::new("it has no factors")),
        };
        let whole = |s: &f64| (*s >= 1.0 && s.fract() == 0.0).then(|| super::tensor::integer(*s));
        let factors: Option<Vec<i64>> = scales.iter().map(whole).collect();
        let factors = factors.ok_or_else(|| Refusal::new("its factors are not whole numbers"))?;
        let factors: Vec<usize> = factors
            .iter()
            .filter_map(|f| (*f).try_into().ok())
            .collect();
        let x = node.input(0)?;
        let mut lens = self.shape(x)?;
        if lens.len() != factors.len() {
            return Err(Refusal::new("it has not one factor per axis"));
        }
        let mut result = x.to_owned();
        for (axis, factor) in factors.into_iter().enumerate().filter(|(_, f)| *f > 1) {
            let mut long = lens.clone();
            long.insert(axis + 1, 1);
            result = self.reshape(&result, &long);
            if let Some(len) = long.get_mut(axis + 1) {
                *len = factor;
            }
            result = self.expand(&result, &long);
            if let Some(len) = lens.get_mut(axis) {
                *len *= factor;
            }
            result = self.reshape(&result, &lens);
        }
        Ok(result)
    }
}
