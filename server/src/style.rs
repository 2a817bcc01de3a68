//! Text for people on stdout, with colour only on a terminal, and only if they did not ask for none.

use std::io::{self, IsTerminal, Write};

/// Writes to stdout; knows whether colours are wanted.
#[derive(Debug)]
pub struct Printer {
    colour: bool,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading.
    Strong,
    /// Less important.
    Faint,
    /// Good, or added.
    Good,
    /// Bad, or removed.
    Bad,
    /// To be noticed.
    Note,
}

impl Printer {
    /// For stdout. `NO_COLOR` (set to anything but nothing) and `TERM=dumb` are respected.
    pub fn stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
            || std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        Self { colour: io::stdout().is_terminal() && !refused }
    }

    /// The text with the escape codes of its tone, if colours are wanted.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.colour => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Note => "33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Writes a piece of text at once.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn write(&self, tone: Tone, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.paint(tone, text).as_bytes())?;
        out.flush()
    }

    /// Writes a line.
    ///
    /// # Errors
    /// stdout cannot be written.
    pub fn line(&self, tone: Tone, text: &str) -> io::Result<()> {
        self.write(tone, text)?;
        self.write(Tone::Plain, "\n")
    }
}
