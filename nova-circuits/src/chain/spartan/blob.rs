//! A string of bytes, for serde.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A string of bytes.
pub(crate) struct Blob(pub(crate) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

struct Bytes;

impl de::Visitor<'_> for Bytes {
    type Value = Blob;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
        Ok(Blob(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Blob, E> {
        Ok(Blob(bytes))
    }
}

impl<'de> Deserialize<'de> for Blob {
    /// Asks for bytes that may be borrowed: bincode then looks whether there are as many as the length says before anything is
    /// allocated, which it does not for a buffer of its own.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}
