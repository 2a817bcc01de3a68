//! JSON as a JavaScript program writes it.
//!
//! Pi's records come from `JSON.stringify`, so numbers follow ECMAScript: a cost of zero is `0`, not `0.0`, and
//! `0.000015` is not `1.5e-5`. Clients that compare bytes or decode integers strictly depend on it.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Compact formatter that writes floats the ECMAScript way.
struct JsNumbers;

impl Formatter for JsNumbers {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(ryu_js::Buffer::new().format_finite(value).as_bytes())
    }
}

/// Serialises `value` as one JSON text without a trailing newline.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(128);
    write(&mut out, value)?;
    Ok(out)
}

/// Appends `value` to `out` as JSON.
pub fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, JsNumbers))
}

/// Serialises `value` into a `String`.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    // serde_json writes UTF-8 only.
    to_vec(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_javascript_does() {
        for (value, text) in [
            (0.0, "0"),
            (3.0, "3"),
            (0.000015, "0.000015"),
            (0.000_000_15, "1.5e-7"),
            (0.00007999999999999999, "0.00007999999999999999"),
            (1e21, "1e+21"),
        ] {
            assert_eq!(to_string(&value).unwrap(), text);
        }
    }
}
