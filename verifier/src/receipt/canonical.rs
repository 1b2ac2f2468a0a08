//! One text for one JSON value: RFC 8785 (JSON Canonicalization Scheme), for values without fractions.
//!
//! Members in the order of their names' UTF-16 code units, no white space, integers in decimal. Numbers that a double does not
//! hold exactly have no place in a text that others hash, and are refused.

use serde_json::Value;

use super::ReceiptError;

/// Integers up to here are exact in every JSON implementation.
const EXACT: u64 = (1 << 53) - 1;

/// The canonical text of a value.
///
/// # Errors
/// [`ReceiptError::Number`] for a fraction or an integer beyond `±(2^53 - 1)`.
pub fn canonical(value: &Value) -> Result<String, ReceiptError> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), ReceiptError> {
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        // serde_json escapes exactly what RFC 8785 demands, in the same way.
        Value::String(_) => out.push_str(&value.to_string()),
        Value::Number(number) => {
            let exact = number.as_i64().is_some_and(|n| n.unsigned_abs() <= EXACT);
            if !exact {
                return Err(ReceiptError::Number {
                    number: number.to_string(),
                });
            }
            out.push_str(&number.to_string());
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (i, name) in names.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write(members.get(name).unwrap_or(&Value::Null), out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn text(json: &str) -> Result<String, ReceiptError> {
        canonical(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn follows_the_standard() {
        // RFC 8785, §3.2.2 and §3.2.3, without the fractions.
        let json = r#"{"string": "€$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false], "n": [-0, 9007199254740991]}"#;
        assert!(text(json).is_err(), "-0 is a fraction to JSON");
        let json = json.replace("-0", "-1");
        assert_eq!(
            text(&json).unwrap(),
            r#"{"literals":[null,true,false],"n":[-1,9007199254740991],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        let json = r#"{"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7}"#;
        let ordered: serde_json::Value = serde_json::from_str(json).unwrap();
        let expected = [
            ("\r", 2),
            ("1", 4),
            ("\u{80}", 6),
            ("ö", 7),
            ("€", 1),
            ("😀", 5),
            ("\u{fb33}", 3),
        ];
        let member = |(name, n): &(&str, i32)| format!("{}:{n}", Value::String((*name).to_owned()));
        let members: Vec<String> = expected.iter().map(member).collect();
        assert_eq!(
            canonical(&ordered).unwrap(),
            format!("{{{}}}", members.join(","))
        );
    }

    #[test]
    fn refuses_what_a_double_does_not_hold() {
        for number in [
            "1.5",
            "1e3",
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551615",
        ] {
            assert!(
                matches!(text(number), Err(ReceiptError::Number { .. })),
                "{number}"
            );
        }
        assert_eq!(text("-9007199254740991").unwrap(), "-9007199254740991");
    }
}
