//! The database: its tables, and rows as the values the rest of the ledger works with.
//!
//! One file for a user and all projects, in write-ahead mode, so that several processes can read and write it. Every
//! function here is short and synchronous.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::{
    blobs,
    hunks::{FileState, Hunk, Parent, Status, Whole},
    lines,
    raw::Raw,
};
use crate::process::ProcessId;

/// How long a writer waits for another process.
const BUSY_TIME: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 5000 });
/// Raised when the tables change; an older file is then rebuilt by its own step in [`migrate`].
const VERSION: i64 = 5;

const TABLES: &str = "
CREATE TABLE edits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root TEXT NOT NULL,
    path TEXT NOT NULL,
    from_path TEXT,
    kind TEXT NOT NULL,
    session TEXT NOT NULL,
    prompt TEXT,
    turn INTEGER NOT NULL,
    call TEXT NOT NULL,
    tool TEXT NOT NULL,
    before BLOB,
    after BLOB,
    buffer INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    process INTEGER NOT NULL,
    began INTEGER NOT NULL,
    mode INTEGER,
    process_began INTEGER
);
CREATE INDEX edits_session ON edits (session);
CREATE INDEX edits_began ON edits (began);
CREATE INDEX edits_open ON edits (path) WHERE state = 'begun';
CREATE TABLE hunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    edit INTEGER NOT NULL,
    path TEXT NOT NULL,
    rank INTEGER NOT NULL,
    status TEXT NOT NULL,
    was TEXT NOT NULL,
    edited INTEGER NOT NULL,
    start INTEGER NOT NULL,
    len INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    added INTEGER NOT NULL,
    whole TEXT,
    renamed_from TEXT,
    parent INTEGER,
    parent_offset INTEGER,
    parent_len INTEGER,
    parent_edited INTEGER,
    decision INTEGER NOT NULL,
    base BLOB NOT NULL,
    previous BLOB,
    text BLOB NOT NULL
);
CREATE INDEX hunks_path ON hunks (path);
CREATE INDEX hunks_edit ON hunks (edit);
CREATE TABLE files (
    path TEXT PRIMARY KEY,
    root TEXT NOT NULL,
    text BLOB,
    stamp TEXT,
    version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_root ON files (root);
CREATE TABLE blobs (
    hash BLOB PRIMARY KEY,
    data BLOB NOT NULL
) WITHOUT ROWID;
";

const NEW_IN_2: &str = "ALTER TABLE edits ADD COLUMN mode INTEGER;";
const NEW_IN_3: &str = "ALTER TABLE edits ADD COLUMN process_began INTEGER;";
const NEW_IN_4: &str = "
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root TEXT NOT NULL,
    session TEXT NOT NULL,
    prompt TEXT,
    turn INTEGER NOT NULL,
    call TEXT NOT NULL,
    command TEXT NOT NULL,
    began INTEGER NOT NULL
);
CREATE INDEX commands_session ON commands (session);
";
const NEW_IN_5: &str = "
CREATE TABLE raw (
    hash BLOB PRIMARY KEY,
    len INTEGER NOT NULL,
    data BLOB
) WITHOUT ROWID;
ALTER TABLE hunks ADD COLUMN base_raw BLOB;
CREATE INDEX hunks_raw ON hunks (base_raw) WHERE base_raw IS NOT NULL;
";

/// Opens the database, making it if it is not there.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::default() | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIME)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A crash of the process loses nothing; a crash of the machine may lose the last records.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    migrate(&mut db)?;
    Ok(db)
}

fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let version = |db: &Connection| db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    if version(db)? >= VERSION {
        return Ok(());
    }
    let change = write(db)?;
    // Another process may have been faster.
    match version(&change)? {
        0 => change.execute_batch(&[TABLES, NEW_IN_4, NEW_IN_5].concat())?,
        1 => change.execute_batch(&[NEW_IN_2, NEW_IN_3, NEW_IN_4, NEW_IN_5].concat())?,
        2 => change.execute_batch(&[NEW_IN_3, NEW_IN_4, NEW_IN_5].concat())?,
        3 => change.execute_batch(&[NEW_IN_4, NEW_IN_5].concat())?,
        4 => change.execute_batch(NEW_IN_5)?,
        _ => return Ok(()),
    }
    change.pragma_update(None, "user_version", VERSION)?;
    change.commit()
}

/// Begins a change; waits for other writers first, so that nothing read in it is out of date.
pub fn write(db: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    db.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Where an edit is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditState {
    /// Recorded, perhaps sent.
    Begun,
    /// Seen in the buffer or on disk.
    Done,
    /// It was not made.
    Abandoned,
}

impl EditState {
    fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Abandoned => "abandoned",
        }
    }
}

/// An edit as it is begun.
#[derive(Debug, Clone, Copy)]
pub struct NewEdit<'a> {
    /// The project folder.
    pub root: &'a str,
    /// The file.
    pub path: &'a str,
    /// Where it was before, if it is moved.
    pub from: Option<&'a str>,
    /// `change`, `create`, `delete`, `rename`, or `command` for what may be one of them.
    pub kind: &'a str,
    /// The session.
    pub session: &'a str,
    /// Entry of the prompt it comes from.
    pub prompt: Option<&'a str>,
    /// Number of the turn within the session.
    pub turn: u64,
    /// The tool call.
    pub call: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// Text before.
    pub before: Option<&'a str>,
    /// Text wanted.
    pub after: Option<&'a str>,
    /// Whether it goes into an editor.
    pub buffer: bool,
    /// Milliseconds since 1970.
    pub began: u64,
}

/// Writes a record in state `begun`.
pub fn insert_edit(db: &Transaction<'_>, edit: NewEdit<'_>) -> rusqlite::Result<i64> {
    let before = edit.before.map(|it| blobs::put(db, it)).transpose()?;
    let after = edit.after.map(|it| blobs::put(db, it)).transpose()?;
    let own = ProcessId::own();
    db.prepare_cached(
        "INSERT INTO edits (root, path, from_path, kind, session, prompt, turn, call, tool, before, after, buffer,
            state, process, began, mode, process_began)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'begun', ?13, ?14, ?15, ?16)",
    )?
    .insert(params![
        edit.root,
        edit.path,
        edit.from,
        edit.kind,
        edit.session,
        edit.prompt,
        edit.turn as i64,
        edit.call,
        edit.tool,
        before,
        after,
        edit.buffer,
        own.number,
        edit.began as i64,
        mode(Path::new(edit.path)),
        own.began,
    ])
}

/// Who may read, write and run a file, where systems say so.
#[cfg(unix)]
pub fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(path.symlink_metadata().ok()?.permissions().mode() & 0o7777)
}

/// Elsewhere nothing is kept.
#[cfg(not(unix))]
pub fn mode(_: &Path) -> Option<u32> {
    None
}

/// The mode that a file had when it went, by its hunks under this path.
pub fn kept_mode(db: &Connection, path: &str) -> rusqlite::Result<Option<u32>> {
    db.prepare_cached(
        "SELECT e.mode FROM hunks h JOIN edits e ON e.id = h.edit
         WHERE h.path = ?1 AND h.whole IN ('created', 'deleted') AND e.mode IS NOT NULL ORDER BY e.id DESC LIMIT 1",
    )?
    .query_row([path], |row| row.get(0))
    .optional()
}

/// Keeps the mode of a file that is taken back.
pub fn keep_mode(db: &Connection, path: &str, mode: u32) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE edits SET mode = ?2 WHERE id IN (SELECT edit FROM hunks WHERE path = ?1 AND whole = 'created')",
    )?
    .execute(params![path, mode])
    .map(drop)
}

/// A record that is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEdit {
    /// Its number.
    pub id: i64,
    /// The project folder.
    pub root: String,
    /// The file.
    pub path: String,
    /// Where it was before.
    pub from: Option<String>,
    /// Text before.
    pub before: Option<String>,
    /// Text wanted.
    pub after: Option<String>,
    /// There was no file before.
    pub creates: bool,
    /// Whether it went into an editor.
    pub buffer: bool,
    /// It is a file that a command may change.
    pub command: bool,
    /// Of a command: the number of its record.
    pub group: i64,
    /// Whoever made it has given it up.
    pub left: bool,
    /// The process that began it.
    pub process: ProcessId,
    /// Milliseconds since 1970.
    pub began: u64,
}

/// The record with this number, if it is still open.
pub fn open_edit(db: &Connection, id: i64) -> rusqlite::Result<Option<OpenEdit>> {
    let found =
        db.prepare_cached(&format!("{OPEN_EDITS} AND id = ?1"))?.query_row([id], open_edit_row).optional()?;
    found.map(|it| it.with_texts(db)).transpose()
}

/// All open records below a folder, oldest first.
pub fn open_edits(db: &Connection, root: &str) -> rusqlite::Result<Vec<OpenEdit>> {
    let mut statement = db.prepare_cached(&format!("{OPEN_EDITS} AND root = ?1 ORDER BY id"))?;
    let rows = statement.query_map([root], open_edit_row)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(|it| it.with_texts(db)).collect()
}

const OPEN_EDITS: &str =
    "SELECT id, root, path, from_path, before, after, buffer, process, began, kind = 'create', reason IS NOT NULL,
        kind = 'command', CAST(reason AS INTEGER), process_began
     FROM edits WHERE state = 'begun'";

/// An open record whose texts are still hashes.
struct OpenRow {
    edit: OpenEdit,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

fn open_edit_row(row: &Row<'_>) -> rusqlite::Result<OpenRow> {
    Ok(OpenRow {
        before: row.get(4)?,
        after: row.get(5)?,
        edit: OpenEdit {
            id: row.get(0)?,
            root: row.get(1)?,
            path: row.get(2)?,
            from: row.get(3)?,
            before: None,
            after: None,
            buffer: row.get(6)?,
            process: ProcessId { number: row.get(7)?, began: row.get(13)? },
            began: row.get::<_, i64>(8)?.unsigned_abs(),
            creates: row.get(9)?,
            left: row.get(10)?,
            command: row.get(11)?,
            group: row.get::<_, Option<i64>>(12)?.unwrap_or_default(),
        },
    })
}

impl OpenRow {
    fn with_texts(self, db: &Connection) -> rusqlite::Result<OpenEdit> {
        let text = |hash: Option<Vec<u8>>| hash.map(|it| blobs::get(db, &it)).transpose();
        Ok(OpenEdit { before: text(self.before)?, after: text(self.after)?, ..self.edit })
    }
}

/// Ends a record. `texts` are what was really there before and after, if that is known.
pub fn end_edit(
    db: &Transaction<'_>,
    id: i64,
    state: EditState,
    texts: Option<(Option<&str>, Option<&str>)>,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE edits SET state = ?2, reason = ?3 WHERE id = ?1")?.execute(params![
        id,
        state.word(),
        reason
    ])?;
    if let Some((before, after)) = texts {
        let before = before.map(|it| blobs::put(db, it)).transpose()?;
        let after = after.map(|it| blobs::put(db, it)).transpose()?;
        db.prepare_cached("UPDATE edits SET before = ?2, after = ?3 WHERE id = ?1")?
            .execute(params![id, before, after])?;
    }
    Ok(())
}

/// A file of the ledger with what guards its writing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredFile {
    /// Text and hunks.
    pub state: FileState,
    /// Size and time of the file on disk when it had this text.
    pub stamp: Option<String>,
    /// Grows with every change; 0 = not stored yet.
    pub version: i64,
}

/// The file with this path; an empty one if the ledger does not know it.
pub fn load(db: &Connection, path: &str) -> rusqlite::Result<StoredFile> {
    let row = db
        .prepare_cached("SELECT text, stamp, version FROM files WHERE path = ?1")?
        .query_row([path], |row| Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((text, stamp, version)) = row else { return Ok(StoredFile::default()) };
    let text = text.map(|it| blobs::get(db, &it)).transpose()?;
    let mut statement = db.prepare_cached(
        "SELECT id, edit, status, was, edited, start, len, base, previous, text, whole, renamed_from, parent,
            parent_offset, parent_len, parent_edited, decision,
            (SELECT path FROM edits WHERE edits.id = hunks.edit) FROM hunks WHERE path = ?1 ORDER BY rank",
    )?;
    let hunks = statement.query_map([path], hunk)?.collect::<Result<_, _>>()?;
    Ok(StoredFile { state: FileState { text, hunks }, stamp, version })
}

fn hunk(row: &Row<'_>) -> rusqlite::Result<Hunk> {
    let base = blobs::unpack(&row.get::<_, Vec<u8>>(7)?);
    let previous = row.get::<_, Option<Vec<u8>>>(8)?.map_or_else(|| base.clone(), |it| blobs::unpack(&it));
    let parent = match row.get::<_, Option<i64>>(12)? {
        Some(hunk) => Some(Parent {
            hunk,
            offset: row.get(13)?,
            len: row.get::<_, u32>(14)? as usize,
            edited: row.get(15)?,
        }),
        None => None,
    };
    Ok(Hunk {
        id: row.get(0)?,
        edit: row.get(1)?,
        status: status(&row.get::<_, String>(2)?),
        was: status(&row.get::<_, String>(3)?),
        edited: row.get(4)?,
        start: row.get::<_, u32>(5)? as usize,
        len: row.get::<_, u32>(6)? as usize,
        base,
        previous,
        text: blobs::unpack(&row.get::<_, Vec<u8>>(9)?),
        whole: whole(row.get(10)?, row.get(11)?, row.get(17)?),
        parent,
        decision: row.get(16)?,
    })
}

/// Writes the text and all hunks of a file; false, and nothing written, if it was changed since `file` was loaded.
pub fn save(db: &Transaction<'_>, root: &str, path: &str, file: &StoredFile) -> rusqlite::Result<bool> {
    let now = db
        .prepare_cached("SELECT version FROM files WHERE path = ?1")?
        .query_row([path], |row| row.get::<_, i64>(0))
        .optional()?;
    if now.unwrap_or_default() != file.version {
        return Ok(false);
    }
    let text = file.state.text.as_deref().map(|it| blobs::put(db, it)).transpose()?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO files (path, root, text, stamp, version) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![path, root, text, file.stamp, file.version + 1])?;
    for (rank, it) in file.state.hunks.iter().enumerate() {
        save_hunk(db, path, rank, it)?;
    }
    Ok(true)
}

fn save_hunk(db: &Transaction<'_>, path: &str, rank: usize, it: &Hunk) -> rusqlite::Result<()> {
    let parent = it.parent;
    let changed = db
        .prepare_cached(
            "UPDATE hunks SET path = ?2, rank = ?3, status = ?4, was = ?5, edited = ?6, start = ?7, len = ?8,
                parent = ?9, parent_offset = ?10, parent_len = ?11, parent_edited = ?12, decision = ?13
             WHERE id = ?1",
        )?
        .execute(params![
            it.id,
            path,
            rank as i64,
            status_word(it.status),
            status_word(it.was),
            it.edited,
            it.start as i64,
            it.len as i64,
            parent.map(|it| it.hunk),
            parent.map(|it| it.offset),
            parent.map(|it| it.len as i64),
            parent.map(|it| it.edited),
            it.decision,
        ])?;
    if changed > 0 {
        return Ok(());
    }
    let (whole, from) = whole_words(it.whole.as_ref());
    let previous = (it.previous != it.base).then(|| blobs::pack(&it.previous));
    db.prepare_cached(
        "INSERT INTO hunks (id, edit, path, rank, status, was, edited, start, len, removed, added, whole,
            renamed_from, decision, base, previous, text, base_raw)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
    )?
    .execute(params![
        it.id,
        it.edit,
        path,
        rank as i64,
        status_word(it.status),
        status_word(it.was),
        it.edited,
        it.start as i64,
        it.len as i64,
        lines::count(&it.base) as i64,
        lines::count(&it.text) as i64,
        whole,
        from,
        it.decision,
        blobs::pack(&it.base),
        previous,
        blobs::pack(&it.text),
        Raw::parse(&it.base).map(|it| it.hash),
    ])?;
    Ok(())
}

/// The id of the next new hunk; ids of hunks that were pruned are not used again.
pub fn next_hunk(db: &Transaction<'_>) -> rusqlite::Result<i64> {
    let last = db
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'hunks'")?
        .query_row([], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(last.unwrap_or_default() + 1)
}

/// The known files at a path or below it.
pub fn files_at(db: &Connection, path: &str) -> rusqlite::Result<Vec<String>> {
    let separator = std::path::MAIN_SEPARATOR as u8;
    let (first, last) =
        (format!("{path}{}", char::from(separator)), format!("{path}{}", char::from(separator + 1)));
    let mut statement = db.prepare_cached(
        "SELECT path FROM files WHERE path = ?1 OR (path >= ?2 AND path < ?3) ORDER BY path",
    )?;
    statement.query_map([path, &first, &last], |row| row.get(0))?.collect()
}

/// Whether the ledger has hunks of a file at this path.
pub fn knows(db: &Connection, path: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM hunks WHERE path = ?1")?.exists([path])
}

/// Whether files of a project in this folder are known.
pub fn is_project(db: &Connection, root: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM files WHERE root = ?1")?.exists([root])
}

/// Behind the path of a file that is gone while another one has its name.
const ASIDE: &str = "\u{1}aside";

/// The path of a key of the tables, and whether the file is put aside.
pub fn path_of(key: &str) -> (&str, bool) {
    key.strip_suffix(ASIDE).map_or((key, false), |path| (path, true))
}

/// Whether the place at a path is free in the ledger, or can be made free: a file that is gone is put aside.
pub fn has_room(db: &Connection, path: &str) -> rusqlite::Result<bool> {
    let gone = || db.prepare_cached("SELECT 1 FROM files WHERE path = ?1 AND text IS NULL")?.exists([path]);
    Ok(!knows(db, path)? || (gone()? && !knows(db, &format!("{path}{ASIDE}"))?))
}

/// Gives a file another path, at which there [`has_room`](has_room). Who was put aside for it comes back.
pub fn rename(db: &Transaction<'_>, from: &str, to: &str) -> rusqlite::Result<()> {
    let rekey = |from: &str, to: &str| {
        db.execute("DELETE FROM files WHERE path = ?1", [to])?;
        db.execute("UPDATE files SET path = ?2 WHERE path = ?1", [from, to])?;
        db.execute("UPDATE hunks SET path = ?2 WHERE path = ?1", [from, to])
    };
    rekey(to, &format!("{to}{ASIDE}"))?;
    rekey(from, to)?;
    rekey(&format!("{from}{ASIDE}"), from)?;
    Ok(())
}

const STATUSES: [(Status, &str); 5] = [
    (Status::Pending, "pending"),
    (Status::Kept, "kept"),
    (Status::Rejected, "rejected"),
    (Status::Reverted, "reverted"),
    (Status::Superseded, "superseded"),
];

/// A status as the tables have it.
pub fn status_word(status: Status) -> &'static str {
    STATUSES.iter().find(|(it, _)| *it == status).map_or("pending", |(_, word)| word)
}

/// The status of a word of the tables; an unknown one, of a later version, leaves the text alone.
pub fn status(word: &str) -> Status {
    STATUSES.iter().find(|(_, it)| *it == word).map_or(Status::Superseded, |(status, _)| *status)
}

fn whole_words(whole: Option<&Whole>) -> (Option<&'static str>, Option<&str>) {
    match whole {
        None => (None, None),
        Some(Whole::Created) => (Some("created"), None),
        Some(Whole::Deleted) => (Some("deleted"), None),
        Some(Whole::Renamed { from, .. }) => (Some("renamed"), Some(from)),
    }
}

/// What the words of the tables say of a file; `to` is the path of the edit.
pub fn whole(word: Option<String>, from: Option<String>, to: Option<String>) -> Option<Whole> {
    match word.as_deref()? {
        "created" => Some(Whole::Created),
        "deleted" => Some(Whole::Deleted),
        "renamed" => from.zip(to).map(|(from, to)| Whole::Renamed { from, to }),
        _ => None,
    }
}

/// A path as the tables have it. What is no Unicode is replaced; such a file is recorded and not found again.
pub fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The files of a damaged database are set aside under this name.
pub fn damaged(path: &Path, now_ms: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-{now_ms}"));
    name.into()
}
