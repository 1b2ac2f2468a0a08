//! `config.json`, and what else a folder says about the network.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::error::CompileError;

/// The settings of a folder.
pub(super) struct Config {
    file: PathBuf,
    values: Map<String, Value>,
}

impl Config {
    pub fn open(folder: &Path) -> Result<Self, CompileError> {
        let file = folder.join("config.json");
        if !file.exists() {
            return Err(CompileError::NotFolder {
                folder: folder.to_owned(),
                reason: "there is no config.json".to_owned(),
            });
        }
        let values = super::json(&file)?;
        Ok(Self { file, values })
    }

    /// `model_type`.
    pub fn family(&self) -> &str {
        self.values
            .get("model_type")
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    pub fn unsupported(&self, what: impl Into<String>) -> CompileError {
        CompileError::UnsupportedConfig {
            file: self.file.clone(),
            what: what.into(),
        }
    }

    fn get(&self, field: &str) -> Option<&Value> {
        self.values.get(field).filter(|v| !v.is_null())
    }

    /// A length of at least 1.
    pub fn length(&self, field: &str) -> Result<usize, CompileError> {
        self.optional_length(field)?
            .ok_or_else(|| self.unsupported(format!("{field} is missing")))
    }

    /// The same, if it is there.
    pub fn optional_length(&self, field: &str) -> Result<Option<usize>, CompileError> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        let length = value.as_u64().and_then(|n| usize::try_from(n).ok());
        match length.filter(|n| (1..1 << 24).contains(n)) {
            Some(n) => Ok(Some(n)),
            None => Err(self.unsupported(format!("{field} is {value}, which is no length"))),
        }
    }

    /// A positive number, or this one if there is none.
    pub fn number(&self, field: &str, otherwise: f64) -> Result<f64, CompileError> {
        match self.get(field) {
            None => Ok(otherwise),
            Some(value) => match value.as_f64().filter(|v| *v > 0.0 && v.is_finite()) {
                Some(v) => Ok(v),
                None => Err(self.unsupported(format!("{field} is {value}"))),
            },
        }
    }

    pub fn flag(&self, field: &str, otherwise: bool) -> bool {
        self.get(field)
            .and_then(Value::as_bool)
            .unwrap_or(otherwise)
    }

    pub fn text(&self, field: &str, otherwise: &str) -> String {
        let own = self.get(field).and_then(Value::as_str);
        own.unwrap_or(otherwise).to_owned()
    }

    /// The base of rotary positions, which are not scaled.
    pub fn theta(&self) -> Result<f64, CompileError> {
        self.without("rope_scaling")?;
        // Since version 5 of the library.
        let Some(parameters) = self.get("rope_parameters").and_then(Value::as_object) else {
            return self.number("rope_theta", 10_000.0);
        };
        let kind = parameters.get("rope_type").and_then(Value::as_str);
        if kind.is_some_and(|k| k != "default") {
            return Err(self.unsupported(format!("rope_type is {}", kind.unwrap_or_default())));
        }
        let own = Self {
            file: self.file.clone(),
            values: parameters.clone(),
        };
        own.number("rope_theta", 10_000.0)
    }

    /// Demands that a setting is absent, or null.
    pub fn without(&self, field: &str) -> Result<(), CompileError> {
        match self.get(field) {
            None => Ok(()),
            Some(value) => Err(self.unsupported(format!("{field} is {value}"))),
        }
    }

    /// `whole/parts`.
    pub fn quotient(&self, whole: usize, parts: usize, what: &str) -> Result<usize, CompileError> {
        if whole.is_multiple_of(parts) {
            Ok(whole / parts)
        } else {
            Err(self.unsupported(format!("{whole} does not fall into {parts} {what}")))
        }
    }
}
