//! What a command line would do: every command in it, every file it redirects to or from.
//!
//! The grammar is brush-parser's, the parser of a working bash: pure Rust, no C to build, and it reads what the
//! shell reads. Whatever is not understood to the end is an error, and the caller then asks with the whole text:
//! a wrong guess here would run something nobody was asked about. The parser recurses and, for some nonsense, takes
//! exponential time, so what goes in is bounded.

use brush_parser::{
    ParserOptions, SourceInfo,
    ast::{self, CommandPrefixOrSuffixItem as Item},
    parse_tokens, uncached_tokenize_str,
    word::{self, Parameter, ParameterExpr, WordPiece, WordPieceWithSource},
};

pub use super::words::{Word, is_own_variable};
use super::{
    unwrap::{self, Inner},
    words::{Known, Loops, is_brace_expansion, may_comment_inside},
};

/// Longest command that is looked into, in bytes.
const MAX_LENGTH: usize = 16 * 1024;
/// Things that can nest, in one command.
const MAX_OPENERS: usize = 64;
/// Brackets that are not closed: each doubles the time this parser takes.
const MAX_UNCLOSED: usize = 8;
/// `case` of this parser takes exponential time when it is not ended.
const MAX_CASES: usize = 4;
/// Commands inside commands (`bash -c`, substitutions) that are followed.
const MAX_DEPTH: usize = 6;

/// Why a command is not understood, in a few words.
pub type Opaque = String;

/// One command: a program, a builtin, or nothing but assignments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Simple {
    /// Variables set for it, as `NAME` and the rest.
    pub env: Vec<(String, Word)>,
    /// The command and its arguments.
    pub words: Vec<Word>,
}

impl Simple {
    /// The command, if it is known which.
    pub fn name(&self) -> Option<&str> {
        self.words.first().and_then(Word::fixed)
    }

    /// The command without its folder.
    pub fn base_name(&self) -> Option<&str> {
        self.name().map(|it| it.rsplit('/').next().unwrap_or(it))
    }

    /// The arguments.
    pub fn args(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// In one line, words in normal form.
    pub fn text(&self) -> String {
        let env = self.env.iter().map(|(name, value)| format!("{name}={}", value.normal()));
        env.chain(self.words.iter().map(Word::normal)).collect::<Vec<_>>().join(" ")
    }
}

/// A file that the shell itself opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Which.
    pub file: Word,
    /// It is written, not read.
    pub writes: bool,
}

/// What a command line would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// In the order of the text; what is inside others comes after them.
    pub commands: Vec<Simple>,
    /// Redirections.
    pub redirects: Vec<Redirect>,
    /// Texts of here-documents.
    pub documents: Vec<String>,
    /// Names of the variables whose values are used.
    pub variables: Vec<String>,
}

/// Reads a command line.
///
/// # Errors
/// It is not understood to the end.
pub fn read(text: &str) -> Result<Script, Opaque> {
    bounded(text)?;
    let mut reader = Reader::default();
    reader.script(text)?;
    Ok(reader.out)
}

/// Reads as much of a command line as is understood: what is not is left out. Nothing may be allowed by that.
pub fn read_as_far(text: &str) -> Script {
    let mut reader = Reader { lenient: true, ..Reader::default() };
    // What was read before it was not understood counts.
    let _rest = reader.script(text);
    reader.out
}

/// Whether it defines a function that calls itself twice at once.
pub fn is_fork_bomb(text: &str) -> bool {
    let dense: String = text.chars().filter(|it| !it.is_whitespace()).collect();
    dense.match_indices("(){").any(|(at, _)| {
        let name_at = dense[..at].rfind([';', '&', '|', '(', ')', '{', '}']).map_or(0, |it| it + 1);
        let name = dense[name_at..at].trim_start_matches("function");
        !name.is_empty() && dense[at + 3..].contains(&format!("{name}|{name}&"))
    })
}

/// Refuses what the parser should not be given, and what shells and parsers see differently.
fn bounded(text: &str) -> Result<(), Opaque> {
    if text.len() > MAX_LENGTH {
        return Err("it is very long".into());
    }
    if text.contains(|it: char| {
        (it.is_control() && !matches!(it, '\n' | '\t')) || (!it.is_ascii() && it.is_whitespace())
    }) {
        return Err("it contains control characters or unusual spaces".into());
    }
    if has_endless_here_document(text) || has_large_descriptor(text) {
        return Err("it cannot be parsed".into());
    }
    let words = || text.split(|it: char| !it.is_alphanumeric());
    let openers = text.matches(['(', '{', '`', '[', '<', '!']).count()
        + words().filter(|it| matches!(*it, "if" | "elif" | "while" | "until" | "for" | "select")).count();
    let unclosed = text.matches('(').count().saturating_sub(text.matches(')').count());
    if openers > MAX_OPENERS
        || unclosed > MAX_UNCLOSED
        || words().filter(|it| *it == "case").count() > MAX_CASES
    {
        return Err("it is deeply nested".into());
    }
    Ok(())
}

/// Whether a here-document has no plain word, or no line with it: the parser would take memory without end for some.
fn has_endless_here_document(text: &str) -> bool {
    text.match_indices("<<").any(|(at, _)| {
        let behind = &text[at + 2..];
        if behind.starts_with('<') {
            return false;
        }
        let word = behind.trim_start_matches('-').trim_start_matches([' ', '\t']);
        let word = word.trim_start_matches(['\'', '"', '\\']);
        let word = &word[..word.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(word.len())];
        word.is_empty() || !behind.lines().skip(1).any(|line| line.trim_start_matches('\t') == word)
    })
}

/// Whether a redirection is of a file descriptor that no process has; the parser would panic.
fn has_large_descriptor(text: &str) -> bool {
    text.match_indices(['<', '>']).any(|(at, _)| {
        let digits = text[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
        digits > 9
    })
}

fn options() -> ParserOptions {
    // As bash reads `bash -c`: extended wildcards are off.
    ParserOptions { enable_extended_globbing: false, ..ParserOptions::default() }
}

#[derive(Default)]
struct Reader {
    out: Script,
    depth: usize,
    /// What is not understood is passed over.
    lenient: bool,
    loops: Loops,
    /// Inside double quotes.
    quoted: bool,
}

/// Builtins that set variables they are told.
const SETTERS: [&str; 12] = [
    "read",
    "mapfile",
    "readarray",
    "getopts",
    "declare",
    "typeset",
    "local",
    "export",
    "readonly",
    "unset",
    "let",
    "printf",
];
const SETS_LOOP: &str = "it sets the variable of a loop in another way";

type Outcome = Result<(), Opaque>;

impl Reader {
    /// A text that is a script of its own.
    fn script(&mut self, text: &str) -> Outcome {
        if self.depth >= MAX_DEPTH {
            return Err("it is deeply nested".into());
        }
        bounded(text)?;
        let options = options();
        let not_understood = |_| "it cannot be parsed".to_owned();
        let tokens = uncached_tokenize_str(text, &options.tokenizer_options())
            .map_err(|_| "it cannot be parsed".to_owned())?;
        let program = parse_tokens(&tokens, &options, &SourceInfo::default()).map_err(not_understood)?;
        self.depth += 1;
        let quoted = std::mem::take(&mut self.quoted);
        let read = program.complete_commands.iter().try_for_each(|list| self.list(list));
        self.quoted = quoted;
        self.depth -= 1;
        read
    }

    /// The outcome of a part, unless parts may be passed over.
    fn part(&self, outcome: Outcome) -> Outcome {
        if self.lenient { Ok(()) } else { outcome }
    }

    fn list(&mut self, list: &ast::CompoundList) -> Outcome {
        for ast::CompoundListItem(and_or, _) in &list.0 {
            self.pipeline(&and_or.first)?;
            for ast::AndOr::And(next) | ast::AndOr::Or(next) in &and_or.additional {
                self.pipeline(next)?;
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline) -> Outcome {
        pipeline.seq.iter().try_for_each(|it| {
            let read = self.command(it);
            self.part(read)
        })
    }

    fn command(&mut self, command: &ast::Command) -> Outcome {
        match command {
            ast::Command::Simple(it) => self.simple(it),
            ast::Command::Compound(it, redirects) => {
                self.compound(it)?;
                redirects.iter().flat_map(|it| &it.0).try_for_each(|it| self.redirect(it))
            }
            // A function can stand for any name that is used later.
            ast::Command::Function(_) => Err("it defines a function".into()),
            ast::Command::ExtendedTest(it) => self.test(&it.expr),
        }
    }

    fn compound(&mut self, command: &ast::CompoundCommand) -> Outcome {
        use ast::CompoundCommand as It;
        match command {
            It::BraceGroup(it) => self.list(&it.list),
            It::Subshell(it) => self.list(&it.list),
            It::ForClause(it) => {
                self.part(variable(&it.variable_name))?;
                let mut words = vec![Word::plain("for")];
                for word in it.values.iter().flatten() {
                    words.push(self.known_word(word)?);
                }
                if self.lenient {
                    // The files it goes through.
                    self.out.commands.push(Simple { env: Vec::new(), words: words.clone() });
                }
                let alone = self.loops.begin(&it.variable_name, &words[1..]);
                self.part(if alone { Ok(()) } else { Err(SETS_LOOP.into()) })?;
                let read = self.list(&it.body.list);
                self.loops.end();
                read
            }
            It::CaseClause(it) => {
                self.word(&it.value)?;
                for case in &it.cases {
                    case.patterns.iter().try_for_each(|word| self.word(word).map(drop))?;
                    case.cmd.iter().try_for_each(|list| self.list(list))?;
                }
                Ok(())
            }
            It::IfClause(it) => {
                self.list(&it.condition)?;
                self.list(&it.then)?;
                for other in it.elses.iter().flatten() {
                    other.condition.iter().try_for_each(|list| self.list(list))?;
                    self.list(&other.body)?;
                }
                Ok(())
            }
            It::WhileClause(it) | It::UntilClause(it) => {
                self.list(&it.0)?;
                self.list(&it.1.list)
            }
            // Arithmetic runs what the values of its variables say.
            It::Arithmetic(_) | It::ArithmeticForClause(_) => Err("it calculates".into()),
        }
    }

    fn test(&mut self, test: &ast::ExtendedTestExpr) -> Outcome {
        use ast::{BinaryPredicate as Binary, ExtendedTestExpr as It, UnaryPredicate as Unary};
        match test {
            It::And(a, b) | It::Or(a, b) => {
                self.test(a)?;
                self.test(b)
            }
            It::Not(it) | It::Parenthesized(it) => self.test(it),
            It::UnaryTest(Unary::ShellVariableIsSetAndAssigned | Unary::ShellVariableIsSetAndNameRef, _) => {
                Err("it tests a variable by name".into())
            }
            It::UnaryTest(_, word) => self.word(word).map(drop),
            It::BinaryTest(
                Binary::ArithmeticEqualTo
                | Binary::ArithmeticNotEqualTo
                | Binary::ArithmeticLessThan
                | Binary::ArithmeticLessThanOrEqualTo
                | Binary::ArithmeticGreaterThan
                | Binary::ArithmeticGreaterThanOrEqualTo,
                ..,
            ) => Err("it calculates".into()),
            It::BinaryTest(_, a, b) => {
                self.word(a)?;
                self.word(b).map(drop)
            }
        }
    }

    fn simple(&mut self, command: &ast::SimpleCommand) -> Outcome {
        let mut simple = Simple::default();
        let at = self.out.commands.len();
        for item in command.prefix.iter().flat_map(|it| &it.0) {
            match item {
                Item::AssignmentWord(assignment, whole) => match self.assignment(assignment, whole) {
                    Ok(value) => simple.env.push(value),
                    Err(why) => self.part(Err(why))?,
                },
                other => self.item(other, &mut simple)?,
            }
        }
        if let Some(name) = &command.word_or_name {
            let name = self.known_word(name)?;
            simple.words.push(name);
        }
        for item in command.suffix.iter().flat_map(|it| &it.0) {
            let read = self.item(item, &mut simple);
            self.part(read)?;
        }
        if simple.env.is_empty() && simple.words.is_empty() {
            return Ok(());
        }
        self.run(at, simple)
    }

    /// Adds a command at `at`, behind what comes before it in the text, and what it runs itself.
    fn run(&mut self, at: usize, simple: Simple) -> Outcome {
        if !simple.words.is_empty() && simple.name().is_none_or(str::is_empty) {
            return Err("which program it runs is not known beforehand".into());
        }
        let sets = simple.base_name().is_some_and(|it| SETTERS.contains(&it));
        if sets && self.loops.may_be_set(simple.args()) {
            self.part(Err(SETS_LOOP.into()))?;
        }
        let unwrap::Unwrapped { whole, inner } = unwrap::unwrap(&simple)?;
        if whole {
            self.out.commands.insert(at, simple);
        }
        for inner in inner {
            if self.depth >= MAX_DEPTH {
                return Err("it is deeply nested".into());
            }
            self.depth += 1;
            let read = match inner {
                Inner::Command(simple) => self.run(self.out.commands.len(), simple),
                Inner::Script(text) => self.script(&text),
            };
            self.depth -= 1;
            read?;
        }
        Ok(())
    }

    fn item(&mut self, item: &Item, simple: &mut Simple) -> Outcome {
        match item {
            Item::Word(word) => {
                let word = self.known_word(word)?;
                simple.words.push(word);
            }
            // Behind the command an assignment is an argument.
            Item::AssignmentWord(assignment, whole) => {
                let (name, value) = self.assignment(assignment, whole)?;
                simple.words.push(Word {
                    source: whole.value.clone(),
                    value: value.value.map(|it| format!("{name}={it}")),
                    wild: value.wild,
                });
            }
            Item::IoRedirect(it) => self.redirect(it)?,
            Item::ProcessSubstitution(_, inside) => {
                self.list(&inside.list)?;
                simple.words.push(Word::unknown(&item.to_string()));
            }
        }
        Ok(())
    }

    fn assignment(
        &mut self,
        assignment: &ast::Assignment,
        whole: &ast::Word,
    ) -> Result<(String, Word), Opaque> {
        let ast::AssignmentName::VariableName(name) = &assignment.name else {
            return Err("it sets an element of an array".into());
        };
        let ast::AssignmentValue::Scalar(value) = &assignment.value else {
            return Err("it sets an array".into());
        };
        let mut value = self.word(value)?;
        if assignment.append {
            value = Word::unknown(&whole.value);
        }
        if !self.loops.set(name) {
            self.part(Err(SETS_LOOP.into()))?;
        }
        Ok((name.clone(), value))
    }

    fn redirect(&mut self, redirect: &ast::IoRedirect) -> Outcome {
        use ast::{IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoRedirect as It};
        match redirect {
            It::File(_, kind, Target::Filename(word)) => {
                let file = self.word(word)?;
                let writes = !matches!(kind, Kind::Read | Kind::DuplicateInput);
                self.out.redirects.push(Redirect { file, writes });
            }
            It::File(_, _, Target::Fd(_)) => {}
            It::File(_, kind, Target::Duplicate(word)) => {
                let file = self.word(word)?;
                // `>&2`, `2>&1`, `>&-`; anything else is a file.
                let digits = |it: &str| it.trim_end_matches('-').chars().all(|it| it.is_ascii_digit());
                if !file.fixed().is_some_and(digits) {
                    let writes = !matches!(kind, Kind::DuplicateInput);
                    self.out.redirects.push(Redirect { file, writes });
                }
            }
            It::File(_, _, Target::ProcessSubstitution(_, inside)) => self.list(&inside.list)?,
            It::HereDocument(_, document) => {
                // What is quoted stays as it is; else what is in it is run.
                let text = &document.doc.value;
                let end = &document.here_end.value;
                let bare = ['\'', '"'].iter().find_map(|it| end.strip_prefix(*it)?.strip_suffix(*it));
                // Shells do not agree on where others end, nor on a line end that is escaped.
                if !bare.unwrap_or(end).chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
                    || (document.requires_expansion && text.contains("\\\n"))
                {
                    return Err("it is not clear where its here-document ends".into());
                }
                self.out.documents.push(text.clone());
                if document.requires_expansion
                    && (text.contains('`') || ["$(", "${", "$["].iter().any(|it| text.contains(it)))
                {
                    return Err("its here-document is expanded".into());
                }
                if document.requires_expansion {
                    let names = text.split('$').skip(1).map(|it| {
                        let end = it.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
                        it[..end.unwrap_or(it.len())].to_owned()
                    });
                    self.out.variables.extend(names);
                }
            }
            It::HereString(_, word) => {
                self.word(word)?;
            }
            It::OutputAndError(word, _) => {
                let file = self.word(word)?;
                self.out.redirects.push(Redirect { file, writes: true });
            }
        }
        Ok(())
    }

    /// A word; one that is not understood is not known, if parts may be passed over.
    fn known_word(&mut self, word: &ast::Word) -> Result<Word, Opaque> {
        match self.word(word) {
            Err(_) if self.lenient => Ok(Word::unknown(&word.value)),
            read => read,
        }
    }

    fn word(&mut self, word: &ast::Word) -> Result<Word, Opaque> {
        let mut out = Known::default();
        self.text(&word.value, &mut out)?;
        // The command `[` is no wildcard.
        let wild = (out.wild && word.value != "[") || (out.brace && is_brace_expansion(&word.value));
        // What is split at blanks is looked at by the whole word.
        let value = out.value.filter(|_| !out.split || !word.value.contains(['\'', '"', '\\']));
        Ok(Word { source: word.value.clone(), value, wild: wild || out.several })
    }

    fn text(&mut self, text: &str, out: &mut Known) -> Outcome {
        // The old form of arithmetic, which this parser does not know.
        if text.contains("$[") {
            return Err("it calculates".into());
        }
        if may_comment_inside(text) {
            return Err("it may have a comment inside a substitution".into());
        }
        let pieces = word::parse(text, &options()).map_err(|_| "it cannot be parsed".to_owned())?;
        self.pieces(&pieces, out)
    }

    fn pieces(&mut self, pieces: &[WordPieceWithSource], out: &mut Known) -> Outcome {
        pieces.iter().try_for_each(|it| self.piece(&it.piece, out))
    }

    fn piece(&mut self, piece: &WordPiece, out: &mut Known) -> Outcome {
        match piece {
            WordPiece::Text(text) => {
                out.wild |= text.contains(['*', '?', '[']);
                out.brace |= text.contains('{');
                out.push(text);
            }
            WordPiece::SingleQuotedText(text) => out.push(text),
            WordPiece::DoubleQuotedSequence(pieces) | WordPiece::GettextDoubleQuotedSequence(pieces) => {
                // Wildcards inside quotes are none.
                let (wild, brace) = (out.wild, out.brace);
                let quoted = std::mem::replace(&mut self.quoted, true);
                let read = self.pieces(pieces, out);
                self.quoted = quoted;
                read?;
                (out.wild, out.brace) = (wild, brace);
            }
            WordPiece::EscapeSequence(text) => match text.strip_prefix('\\') {
                Some("\n") => {}
                Some(text) => out.push(text),
                None => out.value = None,
            },
            WordPiece::TildePrefix(user) if user.is_empty() => out.home(),
            WordPiece::TildePrefix(_) | WordPiece::AnsiCQuotedText(_) => out.value = None,
            WordPiece::ParameterExpansion(it) => self.parameter(it, out)?,
            WordPiece::CommandSubstitution(text) | WordPiece::BackquotedCommandSubstitution(text) => {
                if matches!(piece, WordPiece::BackquotedCommandSubstitution(_)) && text.contains('\\') {
                    return Err("it escapes something in backquotes".into());
                }
                self.script(text)?;
                out.value = None;
            }
            WordPiece::ArithmeticExpression(it) => {
                if !it.value.chars().all(|it| it.is_ascii_digit() || " +-*/%()".contains(it)) {
                    return Err("it calculates".into());
                }
                out.value = None;
            }
        }
        Ok(())
    }

    fn parameter(&mut self, expression: &ParameterExpr, out: &mut Known) -> Outcome {
        let (ParameterExpr::Parameter { parameter, indirect: false }
        | ParameterExpr::ParameterLength { parameter, indirect: false }
        | ParameterExpr::UseDefaultValues { parameter, indirect: false, .. }
        | ParameterExpr::UseAlternativeValue { parameter, indirect: false, .. }) = expression
        else {
            return Err("it computes with variables".into());
        };
        match parameter {
            Parameter::Positional(_) | Parameter::Special(_) | Parameter::Named(_) => {}
            _ => return Err("it computes with variables".into()),
        }
        if let Parameter::Named(name) = parameter {
            self.out.variables.push(name.clone());
        }
        let is_home = matches!(parameter, Parameter::Named(name) if name == "HOME");
        if is_home && matches!(expression, ParameterExpr::Parameter { .. }) {
            out.home();
            return Ok(());
        }
        if let (Parameter::Named(name), ParameterExpr::Parameter { .. }) = (parameter, expression) {
            if let Some(word) = self.loops.value(name) {
                out.push(word.value.as_deref().unwrap_or_default());
                out.several |= word.wild;
                out.split |= word.wild && !self.quoted;
                return Ok(());
            }
        }
        out.value = None;
        match expression {
            ParameterExpr::UseDefaultValues { default_value: Some(text), .. }
            | ParameterExpr::UseAlternativeValue { alternative_value: Some(text), .. } => {
                // What they mean there depends on quotes around it all, unless they are inside one command.
                let one = text.starts_with("$(") && text.ends_with(')');
                let one = one && text.matches("$(").count() == 1 && !text.contains('`');
                if !one && text.contains(['\'', '"', '\\']) {
                    return Err("it quotes something inside a variable".into());
                }
                // Shells substitute processes there, this parser does not.
                if !self.quoted && ["<(", ">(", "=("].iter().any(|it| text.contains(it)) {
                    return Err("it runs something inside a variable".into());
                }
                self.text(text, &mut Known::default())
            }
            _ => Ok(()),
        }
    }
}

/// A variable that a loop sets must not be one the shell or a program looks at.
fn variable(name: &str) -> Outcome {
    if is_own_variable(name) { Ok(()) } else { Err("it sets a variable that programs look at".into()) }
}
