//! The output of a command: its end in memory, all of it in a file once it is too long to show.
//!
//! Memory is bounded by a few hundred kilobytes, the file by [`LARGEST_FILE`]. Sanitising is not done here.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::truncate::{Limits, MAX_BYTES, MAX_LINES, Truncation, format_size, truncate_tail};

/// Bytes of output kept in the file.
pub const LARGEST_FILE: usize = 256 * 1024 * 1024;

/// Bytes kept in memory: twice what is shown, so that the cut at its front is never seen.
const KEPT: usize = 2 * MAX_BYTES;

/// Collects the output of one command.
#[derive(Debug)]
pub struct OutputBuffer {
    dir: PathBuf,
    tail: Vec<u8>,
    total_bytes: usize,
    line_breaks: usize,
    /// Bytes after the last line break.
    open_line: usize,
    /// Bytes of the line before that.
    closed_line: usize,
    file: OutputFile,
}

#[derive(Debug)]
enum OutputFile {
    NotNeeded,
    Open { file: File, path: PathBuf, written: usize },
    Full { path: PathBuf },
    Failed,
}

/// The output so far, cut for reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The last lines.
    pub truncation: Truncation,
    /// Where all of it is, when it was cut.
    pub full_output: Option<PathBuf>,
    /// Bytes of the last line.
    pub last_line_bytes: usize,
}

impl Default for OutputBuffer {
    fn default() -> Self {
        Self::in_dir(std::env::temp_dir())
    }
}

impl OutputBuffer {
    /// A buffer whose file, should it need one, is made in `dir`.
    pub fn in_dir(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            tail: Vec::new(),
            total_bytes: 0,
            line_breaks: 0,
            open_line: 0,
            closed_line: 0,
            file: OutputFile::NotNeeded,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total_bytes += bytes.len();
        self.count_lines(bytes);
        self.tail.extend_from_slice(bytes);
        match self.file {
            OutputFile::NotNeeded if self.total_bytes > MAX_BYTES || self.lines() > MAX_LINES => {
                self.open_file()
            }
            OutputFile::NotNeeded => {}
            _ => self.append(bytes),
        }
        if self.tail.len() > 2 * KEPT {
            self.tail.drain(..self.tail.len() - KEPT);
        }
    }

    /// The end of the output. Makes the file if something has to be cut.
    pub fn snapshot(&mut self) -> Snapshot {
        let mut truncation = truncate_tail(&String::from_utf8_lossy(&self.tail), Limits::default());
        truncation.total_lines = self.lines();
        truncation.total_bytes = self.total_bytes;
        if truncation.truncated && matches!(self.file, OutputFile::NotNeeded) {
            self.open_file();
        }
        let full_output = match &self.file {
            OutputFile::Open { path, .. } | OutputFile::Full { path } => Some(path.clone()),
            OutputFile::NotNeeded | OutputFile::Failed => None,
        };
        let last_line_bytes = if self.open_line > 0 { self.open_line } else { self.closed_line };
        Snapshot { truncation, full_output, last_line_bytes }
    }

    fn lines(&self) -> usize {
        self.line_breaks + usize::from(self.open_line > 0)
    }

    fn count_lines(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split(|&byte| byte == b'\n');
        self.open_line += lines.next().map_or(0, <[u8]>::len);
        for line in lines {
            self.line_breaks += 1;
            self.closed_line = std::mem::replace(&mut self.open_line, line.len());
        }
    }

    /// Makes the file; everything is still in `tail` at this moment.
    fn open_file(&mut self) {
        let random = uuid::Uuid::new_v4().simple().to_string();
        let path = self.dir.join(format!("pi-bash-{}.log", &random[..16]));
        match create_private(&path) {
            Ok(file) => {
                self.file = OutputFile::Open { file, path, written: 0 };
                let so_far = std::mem::take(&mut self.tail);
                self.append(&so_far);
                self.tail = so_far;
            }
            Err(error) => self.fail(&error),
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        let OutputFile::Open { file, path, written } = &mut self.file else { return };
        let room = LARGEST_FILE - *written;
        let mut result = file.write_all(&bytes[..bytes.len().min(room)]);
        *written += bytes.len().min(room);
        if result.is_ok() && bytes.len() > room {
            result = writeln!(file, "\n[output beyond {} was not kept]", format_size(LARGEST_FILE));
            self.file = OutputFile::Full { path: std::mem::take(path) };
        }
        if let Err(error) = result {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &io::Error) {
        tracing::warn!(%error, dir = %self.dir.display(), "cannot keep the whole output of a command");
        self.file = OutputFile::Failed;
    }
}

impl Snapshot {
    /// The lines for the reader, with a notice that says what is missing.
    pub fn text(&self) -> String {
        let cut = &self.truncation;
        if !cut.truncated {
            return cut.content.clone();
        }
        let (last, total) = (cut.total_lines, cut.total_lines);
        let first = (total + 1).saturating_sub(cut.output_lines);
        let what = if cut.last_line_partial {
            let (shown, line) = (format_size(cut.output_bytes), format_size(self.last_line_bytes));
            format!("Showing last {shown} of line {last} (line is {line})")
        } else if cut.truncated_by == Some(crate::truncate::TruncatedBy::Lines) {
            format!("Showing lines {first}-{last} of {total}")
        } else {
            format!("Showing lines {first}-{last} of {total} ({} limit)", format_size(MAX_BYTES))
        };
        let path = match &self.full_output {
            Some(path) => path.display().to_string(),
            None => "could not be kept".into(),
        };
        format!("{}\n\n[{what}. Full output: {path}]", cut.content)
    }
}

/// Nobody else on the machine may read what commands print.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_needs_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = OutputBuffer::in_dir(dir.path());
        it.push(b"out\n");
        it.push(b"err\n");
        let shot = it.snapshot();
        assert_eq!((shot.text().as_str(), shot.full_output), ("out\nerr\n", None));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn many_lines_are_cut_and_kept_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let all: String = (1..=5000).map(|it| format!("{it}\n")).collect();
        let mut it = OutputBuffer::in_dir(dir.path());
        for chunk in all.as_bytes().chunks(777) {
            it.push(chunk);
        }
        let shot = it.snapshot();
        let path = shot.full_output.clone().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), all);
        let notice = format!("\n5000\n\n[Showing lines 3001-5000 of 5000. Full output: {}]", path.display());
        assert!(shot.text().starts_with("3001\n") && shot.text().ends_with(&notice));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("pi-bash-") && name.len() == "pi-bash-0123456789abcdef.log".len());
    }

    #[test]
    fn memory_stays_bounded_and_the_notice_tells_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = OutputBuffer::in_dir(dir.path());
        for _ in 0..40_000 {
            it.push(&[b'x'; 99]);
            it.push(b"\n");
        }
        assert!(it.tail.capacity() <= 4 * KEPT, "{}", it.tail.capacity());
        let text = it.snapshot().text();
        assert!(
            text.contains("\n\n[Showing lines 39489-40000 of 40000 (50.0KB limit). Full output: /"),
            "{text:.0}"
        );
        assert_eq!(std::fs::metadata(it.snapshot().full_output.unwrap()).unwrap().len(), 4_000_000);
    }

    #[test]
    fn of_one_endless_line_the_end_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = OutputBuffer::in_dir(dir.path());
        it.push(b"first\n");
        it.push(&vec![b'y'; 70_000]);
        let text = it.snapshot().text();
        assert!(text.contains("\n\n[Showing last 50.0KB of line 2 (line is 68.4KB). Full output: "));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = OutputBuffer::in_dir(dir.path());
        it.push(b"a\xff\xc3");
        it.push(b"\xa9\n");
        assert_eq!(it.snapshot().text(), "a\u{fffd}\u{e9}\n");
    }

    #[test]
    fn a_file_that_cannot_be_made_does_not_lose_the_result() {
        let dir = tempfile::tempdir().unwrap();
        let mut it = OutputBuffer::in_dir(dir.path().join("missing"));
        it.push(&b"z\n".repeat(3000));
        let text = it.snapshot().text();
        assert!(text.ends_with("[Showing lines 1001-3000 of 3000. Full output: could not be kept]"));
    }
}
