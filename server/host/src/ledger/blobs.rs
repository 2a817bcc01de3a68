//! Texts by their content: each is stored once, compressed.

use ring::digest;
use rusqlite::{Connection, Transaction, params};

/// Stores a text; gives its hash.
pub fn put(db: &Transaction<'_>, text: &str) -> rusqlite::Result<Vec<u8>> {
    let hash = digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec();
    let known = db.prepare_cached("SELECT 1 FROM blobs WHERE hash = ?1")?.exists(params![hash.as_slice()])?;
    if !known {
        db.prepare_cached("INSERT INTO blobs (hash, data) VALUES (?1, ?2)")?
            .execute(params![hash.as_slice(), pack(text)])?;
    }
    Ok(hash)
}

/// The text with this hash.
pub fn get(db: &Connection, hash: &[u8]) -> rusqlite::Result<String> {
    let data: Vec<u8> =
        db.prepare_cached("SELECT data FROM blobs WHERE hash = ?1")?.query_row([hash], |row| row.get(0))?;
    Ok(unpack(&data))
}

/// A text as it is stored.
pub fn pack(text: &str) -> Vec<u8> {
    lz4_flex::compress_prepend_size(text.as_bytes())
}

/// The text that was stored. Damaged bytes, which the database itself would have noticed, are an empty text.
pub fn unpack(data: &[u8]) -> String {
    let bytes = lz4_flex::decompress_size_prepended(data).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
