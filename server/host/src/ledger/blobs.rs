//! Texts by their content: each is stored once, compressed. So are the bytes of what is no text, beside them: where a
//! text is asked for, the line that stands for them is given ([`raw`](super::raw)).

use ring::digest;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::raw::{MAX_BYTES, Raw};

/// Stores a text; gives its hash.
pub fn put(db: &Transaction<'_>, text: &str) -> rusqlite::Result<Vec<u8>> {
    if let Some(raw) = Raw::parse(text) {
        insert_raw(db, &raw, None)?;
        return Ok(raw.hash);
    }
    if text.contains('\0') {
        return Ok(put_raw(db, text.as_bytes(), true)?.hash);
    }
    let hash = digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec();
    let known = db.prepare_cached("SELECT 1 FROM blobs WHERE hash = ?1")?.exists(params![hash.as_slice()])?;
    if !known {
        db.prepare_cached("INSERT INTO blobs (hash, data) VALUES (?1, ?2)")?
            .execute(params![hash.as_slice(), pack(text)])?;
    }
    Ok(hash)
}

/// Stores what is no text; of what is too large, or not to be kept, only that it was there.
pub fn put_raw(db: &Transaction<'_>, bytes: &[u8], keep: bool) -> rusqlite::Result<Raw> {
    let raw = Raw::of(bytes);
    if !is_kept(db, &raw)? {
        let keep = keep && raw.len <= MAX_BYTES;
        insert_raw(db, &raw, keep.then(|| lz4_flex::compress_prepend_size(bytes)))?;
    }
    Ok(raw)
}

fn insert_raw(db: &Transaction<'_>, raw: &Raw, data: Option<Vec<u8>>) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO raw (hash, len, data) VALUES (?1, ?2, ?3)
         ON CONFLICT (hash) DO UPDATE SET data = excluded.data WHERE raw.data IS NULL",
    )?
    .execute(params![raw.hash.as_slice(), raw.len as i64, data])
    .map(drop)
}

/// Whether the bytes of what is no text were kept.
pub fn is_kept(db: &Connection, raw: &Raw) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM raw WHERE hash = ?1 AND data IS NOT NULL")?.exists([&raw.hash])
}

/// The bytes of what is no text, if they were kept.
pub fn bytes(db: &Connection, raw: &Raw) -> rusqlite::Result<Option<Vec<u8>>> {
    let data: Option<Option<Vec<u8>>> = db
        .prepare_cached("SELECT data FROM raw WHERE hash = ?1")?
        .query_row([&raw.hash], |row| row.get(0))
        .optional()?;
    // Damaged ones are others.
    let bytes = data.flatten().and_then(|it| lz4_flex::decompress_size_prepended(&it).ok());
    Ok(bytes.filter(|it| Raw::of(it) == *raw))
}

/// The text with this hash, or the line that stands for what is no text.
pub fn get(db: &Connection, hash: &[u8]) -> rusqlite::Result<String> {
    let text: Option<Vec<u8>> = db
        .prepare_cached("SELECT data FROM blobs WHERE hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    match text {
        Some(data) => Ok(unpack(&data)),
        None => db.prepare_cached("SELECT len FROM raw WHERE hash = ?1")?.query_row([hash], |row| {
            Ok(Raw { hash: hash.to_vec(), len: row.get::<_, i64>(0)?.unsigned_abs() }.line())
        }),
    }
}

/// Removes what nothing needs any more.
pub fn forget(db: &Transaction<'_>, hash: &[u8]) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM blobs WHERE hash = ?1")?.execute([hash])?;
    db.prepare_cached("DELETE FROM raw WHERE hash = ?1")?.execute([hash]).map(drop)
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
