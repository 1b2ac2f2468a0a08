//! Functions of one variable: chains of elementwise operators that become one table, `Y = g(P)`.
//!
//! The operators are evaluated by the importer's own float code on the points of the table, so any elementwise operator
//! will do; the values are then carried in the descriptor.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::TypedOp;

/// An operand of an elementwise operator.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// A function of the variable.
    Of(Arc<Unary>),
    /// A uniform constant.
    Scalar(f32),
}

/// A function of one variable.
#[derive(Clone, Debug)]
pub(super) enum Unary {
    /// The variable itself.
    Variable,
    /// An elementwise operator.
    Apply {
        /// Evaluates it.
        op: Box<dyn TypedOp>,
        /// Its name, as the importer calls it.
        name: String,
        /// What it is applied to.
        operands: Vec<Operand>,
    },
}

/// `slope·x + shift`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub slope: f64,
    pub shift: f64,
}

impl Line {
    pub const IDENTITY: Self = Self {
        slope: 1.0,
        shift: 0.0,
    };
}

impl Unary {
    /// The values at `points`.
    ///
    /// # Errors
    /// If an operator cannot be evaluated.
    pub fn evaluate(self: &Arc<Self>, points: &[f32]) -> TractResult<Vec<f32>> {
        let mut known = HashMap::new();
        let tensor = self.tensor(&tensor1(points).into_tvalue(), &mut known)?;
        let tensor = tensor.cast_to::<f32>()?;
        let values = tensor.to_plain_array_view::<f32>()?;
        Ok(values.iter().copied().collect())
    }

    fn tensor(
        self: &Arc<Self>,
        points: &TValue,
        known: &mut HashMap<*const Self, TValue>,
    ) -> TractResult<TValue> {
        let key = Arc::as_ptr(self);
        if let Some(value) = known.get(&key) {
            return Ok(value.clone());
        }
        let value = match self.as_ref() {
            Self::Variable => points.clone(),
            Self::Apply {
                op, name, operands, ..
            } => {
                let mut inputs: TVec<TValue> = TVec::new();
                for operand in operands {
                    inputs.push(match operand {
                        Operand::Of(f) => f.tensor(points, known)?,
                        Operand::Scalar(v) => tensor1(&[*v]).into_tvalue(),
                    });
                }
                let outputs = op.eval_out_of_plan(inputs)?;
                let Some(value) = outputs.and_then(|o| o.into_iter().next()) else {
                    return Err(TractError::msg(format!("{name} has no value of its own")));
                };
                value
            }
        };
        known.insert(key, value.clone());
        Ok(value)
    }

    /// The line that this function is, if its operators show that it is one.
    pub fn line(&self) -> Option<Line> {
        let Self::Apply { name, operands, .. } = self else {
            return Some(Line::IDENTITY);
        };
        let constant = |v: &f32| Line {
            slope: 0.0,
            shift: f64::from(*v),
        };
        let lines: Option<Vec<Line>> = operands
            .iter()
            .map(|o| match o {
                Operand::Of(f) => f.line(),
                Operand::Scalar(v) => Some(constant(v)),
            })
            .collect();
        combine(name, &lines?)
    }

    /// Splits off the outermost lines: `self = line(core)`.
    pub fn peel(self: &Arc<Self>) -> (Line, Arc<Self>) {
        if let Some(line) = self.line() {
            return (line, Arc::new(Self::Variable));
        }
        let mut line = Line::IDENTITY;
        let mut core = Arc::clone(self);
        while let Self::Apply { name, operands, .. } = core.as_ref() {
            let mut inner = None;
            let mut lines = Vec::new();
            for operand in operands {
                match operand {
                    Operand::Of(f) => {
                        if inner.replace(Arc::clone(f)).is_some() {
                            return (line, core);
                        }
                        lines.push(Line::IDENTITY);
                    }
                    Operand::Scalar(v) => lines.push(Line {
                        slope: 0.0,
                        shift: f64::from(*v),
                    }),
                }
            }
            let (Some(inner), Some(step)) = (inner, combine(name, &lines)) else {
                break;
            };
            line = Line {
                slope: line.slope * step.slope,
                shift: line.slope * step.shift + line.shift,
            };
            core = inner;
        }
        (line, core)
    }

    /// The line `f` if this function is `max(f(x), 0)`.
    pub fn relu_of(&self) -> Option<Line> {
        let Self::Apply { name, operands, .. } = self else {
            return None;
        };
        match (name.as_str(), operands.as_slice()) {
            (
                "Max",
                [Operand::Of(f), Operand::Scalar(0.0)] | [Operand::Scalar(0.0), Operand::Of(f)],
            ) => f.line(),
            _ => None,
        }
    }

    /// Names of the operators, innermost first.
    pub fn describe(&self) -> String {
        let Self::Apply { name, operands, .. } = self else {
            return String::new();
        };
        let mut text = String::new();
        for operand in operands {
            if let Operand::Of(f) = operand {
                let inner = f.describe();
                if !inner.is_empty() && !text.contains(&inner) {
                    text.push_str(&inner);
                    text.push(' ');
                }
            }
        }
        text + name
    }
}

/// The line that an operator makes of lines, if it makes one.
fn combine(name: &str, lines: &[Line]) -> Option<Line> {
    let sum = |a: &Line, b: &Line, sign: f64| {
        Some(Line {
            slope: a.slope + sign * b.slope,
            shift: a.shift + sign * b.shift,
        })
    };
    let times = |a: &Line, by: f64| {
        Some(Line {
            slope: a.slope * by,
            shift: a.shift * by,
        })
    };
    match (name, lines) {
        ("Add", [a, b]) => sum(a, b, 1.0),
        ("Sub", [a, b]) | ("SubF", [b, a]) => sum(a, b, -1.0),
        ("Mul", [a, b]) if b.slope == 0.0 => times(a, b.shift),
        ("Mul", [a, b]) if a.slope == 0.0 => times(b, a.shift),
        ("Div", [a, b]) if b.slope == 0.0 && b.shift != 0.0 => times(a, 1.0 / b.shift),
        ("Neg", [a]) => times(a, -1.0),
        _ => None,
    }
}
