//! Colours for code in a page: comments, strings, numbers and keywords.
//!
//! One lexer and a table of languages. The crates there are bring grammars that are several times the size of the
//! page's whole writer, and a reader of a conversation needs no more than this. A language that is not in the table,
//! or code that is not what it says, is shown as it is; all text goes through [`push`].

use std::path::Path;

use super::text::push;

/// What tells the parts of a language apart.
#[derive(Debug)]
pub(super) struct Language {
    /// Names in fences and endings of files, lower case.
    names: &'static [&'static str],
    /// What begins a comment that ends with its line. `#` does only at the beginning of a word.
    line: &'static [&'static str],
    /// What begins and ends a longer comment.
    block: Option<(&'static str, &'static str)>,
    /// Quotes, longer ones first. One character alone ends with its line at the latest, `` ` `` and longer ones do not.
    quotes: &'static [&'static str],
    /// Separated by blanks.
    keywords: &'static str,
}

/// Longest string within a line that is coloured, in characters.
const MAX_STRING: usize = 1000;

const C_LIKE: Option<(&str, &str)> = Some(("/*", "*/"));

#[rustfmt::skip]
static LANGUAGES: &[Language] = &[
    Language { names: &["rust", "rs"], line: &["//"], block: C_LIKE, quotes: &["\"", "'"],
        keywords: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type union unsafe use where while" },
    Language { names: &["javascript", "js", "jsx", "mjs", "cjs", "typescript", "ts", "tsx", "mts", "cts"], line: &["//"], block: C_LIKE, quotes: &["\"", "'", "`"],
        keywords: "abstract any as async await boolean break case catch class const constructor continue declare default delete do else enum export extends false finally for from function get if implements import in instanceof interface keyof let namespace never new null number of private protected public readonly return set static string super switch this throw true try type typeof undefined unknown var void while yield" },
    Language { names: &["python", "py", "pyi"], line: &["#"], block: None, quotes: &["\"\"\"", "'''", "\"", "'"],
        keywords: "False None True and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return self try while with yield" },
    Language { names: &["go", "golang"], line: &["//"], block: C_LIKE, quotes: &["\"", "'", "`"],
        keywords: "any bool break byte case chan const continue default defer else error fallthrough false for func go goto if import int interface map nil package range return rune select string struct switch true type var" },
    Language { names: &["c", "h", "cpp", "c++", "cc", "cxx", "hpp", "hh"], line: &["//"], block: C_LIKE, quotes: &["\"", "'"],
        keywords: "#define #else #endif #if #ifdef #ifndef #include #pragma #undef alignas auto bool break case catch char class const constexpr continue default delete do double else enum explicit extern false final float for friend goto if inline int long mutable namespace new noexcept nullptr operator override private protected public return short signed sizeof static struct switch template this throw true try typedef typename union unsigned using virtual void volatile while" },
    Language { names: &["java", "kotlin", "kt", "kts", "csharp", "cs", "c#", "swift", "scala", "dart", "zig"], line: &["//"], block: C_LIKE, quotes: &["\"\"\"", "\"", "'"],
        keywords: "abstract as async await boolean break by byte case catch char class companion const continue data default defer do double else enum extends extension false final finally float for fn foreach fun func get guard if implements import in init inner int interface internal is let lateinit long namespace new nil null object open operator out override package private protected public record return sealed self set static string struct super switch this throw throws true try typealias using val var virtual void when where while yield" },
    Language { names: &["ruby", "rb"], line: &["#"], block: Some(("=begin", "=end")), quotes: &["\"", "'", "`"],
        keywords: "BEGIN END alias and begin break case class def defined do else elsif end ensure false for if in module next nil not or redo require rescue retry return self super then true undef unless until when while yield" },
    Language { names: &["php"], line: &["//", "#"], block: C_LIKE, quotes: &["\"", "'"],
        keywords: "abstract and array as break case catch class const continue declare default do echo else elseif extends false final finally fn for foreach function global if implements include instanceof interface match namespace new null or private protected public readonly require return static switch this throw trait true try use var while yield" },
    Language { names: &["bash", "sh", "shell", "zsh", "console", "fish"], line: &["#"], block: None, quotes: &["\"", "'"],
        keywords: "alias break case cd continue do done echo elif else esac eval exec exit export false fi for function if in local read readonly return select set shift source then trap true unset until while" },
    Language { names: &["lua"], line: &["--"], block: Some(("--[[", "]]")), quotes: &["\"", "'"],
        keywords: "and break do else elseif end false for function goto if in local nil not or repeat return then true until while" },
    Language { names: &["json", "jsonc", "jsonl", "json5"], line: &["//"], block: C_LIKE, quotes: &["\""], keywords: "false null true" },
    Language { names: &["toml", "yaml", "yml", "ini", "conf", "dockerfile", "makefile", "mk", "nix", "cmake"], line: &["#"], block: None, quotes: &["\"\"\"", "'''", "\"", "'"],
        keywords: "false null true yes no on off" },
    Language { names: &["sql"], line: &["--"], block: C_LIKE, quotes: &["'", "\""],
        keywords: "add all alter and as asc begin between by case check column commit constraint create default delete desc distinct drop else end exists foreign from full group having if in index inner insert into is join key left like limit not null offset on or order outer primary references replace right rollback select set table then transaction union unique update using values view when where with \
                   ADD ALL ALTER AND AS ASC BEGIN BETWEEN BY CASE CHECK COLUMN COMMIT CONSTRAINT CREATE DEFAULT DELETE DESC DISTINCT DROP ELSE END EXISTS FOREIGN FROM FULL GROUP HAVING IF IN INDEX INNER INSERT INTO IS JOIN KEY LEFT LIKE LIMIT NOT NULL OFFSET ON OR ORDER OUTER PRIMARY REFERENCES REPLACE RIGHT ROLLBACK SELECT SET TABLE THEN TRANSACTION UNION UNIQUE UPDATE USING VALUES VIEW WHEN WHERE WITH" },
    Language { names: &["css", "scss", "less"], line: &[], block: C_LIKE, quotes: &["\"", "'"], keywords: "auto inherit initial none unset var" },
    Language { names: &["html", "htm", "xml", "svg", "vue", "svelte"], line: &[], block: Some(("<!--", "-->")), quotes: &["\""], keywords: "" },
    Language { names: &["elisp", "el", "lisp", "scheme", "clojure", "clj"], line: &[";"], block: None, quotes: &["\""],
        keywords: "and cond defconst defcustom defmacro defn defun defvar dolist fn if interactive lambda let nil not or progn provide quote require setq t unless when while" },
];

impl Language {
    /// By the word behind a fence.
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = name.to_ascii_lowercase();
        LANGUAGES.iter().find(|it| it.names.contains(&&*name))
    }

    /// By the ending of a file, or by its name where it has none.
    pub fn of_file(path: &str) -> Option<&'static Self> {
        let path = Path::new(path);
        Self::named(path.extension().or(path.file_name())?.to_str()?)
    }

    /// The class and length of what begins at `at`; the class is empty for what stays as it is.
    fn token(&self, code: &str, at: usize) -> (&'static str, usize) {
        let rest = &code[at..];
        if let Some((open, close)) = self.block.filter(|(open, _)| rest.starts_with(open)) {
            let end = rest[open.len()..].find(close).map(|it| open.len() + it + close.len());
            return ("c", end.unwrap_or(rest.len()));
        }
        let after_blank = code[..at].chars().next_back().is_none_or(char::is_whitespace);
        if self.line.iter().any(|it| rest.starts_with(it) && (*it != "#" || after_blank)) {
            return ("c", rest.find('\n').unwrap_or(rest.len()));
        }
        if let Some(quote) = self.quotes.iter().find(|it| rest.starts_with(**it)) {
            return match string_end(rest, quote) {
                // In Rust a quote that is not closed behind one character is a lifetime.
                Some(end) if *quote != "'" || self.names[0] != "rust" || is_character(&rest[1..end - 1]) => {
                    ("s", end)
                }
                // An apostrophe, or code of another language.
                _ => ("", quote.len()),
            };
        }
        let first = rest.chars().next().unwrap_or(' ');
        let word = |it: char| it.is_alphanumeric() || it == '_';
        if !word(first) && first != '#' {
            return ("", first.len_utf8());
        }
        let tail = &rest[first.len_utf8()..];
        let number = first.is_ascii_digit();
        let end = tail.find(|it| !(word(it) || number && it == '.')).unwrap_or(tail.len()) + first.len_utf8();
        let keyword = || self.keywords.split_ascii_whitespace().any(|it| it == &rest[..end]);
        (
            if number {
                "n"
            } else if keyword() {
                "k"
            } else {
                ""
            },
            end,
        )
    }
}

/// Where the string that `rest` begins with ends. `None` if a string that has to end with its line does not.
fn string_end(rest: &str, quote: &str) -> Option<usize> {
    let many_lines = quote.len() > 1 || quote == "`";
    let mut characters = rest.char_indices().skip(quote.len());
    let mut count = 0;
    while let Some((at, it)) = characters.next() {
        count += 1;
        match it {
            _ if rest[at..].starts_with(quote) => return Some(at + quote.len()),
            '\n' if !many_lines => return None,
            // What is looked at in vain is looked at again from the next quote on.
            _ if !many_lines && count > MAX_STRING => return None,
            '\\' => drop(characters.next()),
            _ => {}
        }
    }
    many_lines.then_some(rest.len())
}

fn is_character(quoted: &str) -> bool {
    quoted.starts_with('\\') || quoted.chars().count() == 1
}

/// Appends code, in colours if the language is known.
pub(super) fn push_code(out: &mut String, code: &str, language: Option<&Language>) {
    let Some(language) = language else { return push(out, code) };
    let mut at = 0;
    let mut plain = 0;
    while at < code.len() {
        let (class, length) = language.token(code, at);
        if !class.is_empty() {
            push(out, &code[plain..at]);
            *out += &format!("<span class=\"{class}\">");
            push(out, &code[at..at + length]);
            *out += "</span>";
            plain = at + length;
        }
        at += length;
    }
    push(out, &code[plain..]);
}

/// Appends a diff as rows coloured by their first character; behind that and a number is code.
pub(super) fn push_diff(out: &mut String, diff: &str, language: Option<&Language>) {
    *out += "<pre class=\"diff\">";
    for row in diff.lines() {
        let element = match row.as_bytes().first() {
            Some(b'+') => "ins",
            Some(b'-') => "del",
            _ => "span",
        };
        let numbered =
            row.trim_start_matches(['+', '-', ' ']).trim_start_matches(|it: char| it.is_ascii_digit());
        let (number, code) = row.split_at(row.len() - numbered.len());
        *out += &format!("<{element}>");
        push(out, number);
        push_code(out, code, language);
        *out += &format!("</{element}>");
    }
    *out += "</pre>\n";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn coloured(language: &str, code: &str) -> String {
        let mut out = String::new();
        push_code(&mut out, code, Some(Language::named(language).unwrap()));
        // `[k:fn]` is easier to read.
        ["c", "s", "n", "k"]
            .iter()
            .fold(out, |it, class| it.replace(&format!("<span class=\"{class}\">"), &format!("[{class}:")))
            .replace("</span>", "]")
    }

    #[test]
    fn parts_of_code_have_their_colour() {
        for (language, code, expected) in [
            (
                "rust",
                "fn a<'b>(x: &'b str) { '\"', '\\'' }",
                "[k:fn] a&lt;&#39;b&gt;(x: &amp;&#39;b str) { [s:&#39;&quot;&#39;], [s:&#39;\\&#39;&#39;] }",
            ),
            ("rs", "let s = \"a\\\"b\"; // fn", "[k:let] s = [s:&quot;a\\&quot;b&quot;]; [c:// fn]"),
            ("rust", "a /* let\n1 */ 0x1f 2.5 x1", "a [c:/* let\n1 */] [n:0x1f] [n:2.5] x1"),
            (
                "python",
                "'''a\n'b'''\ndef f(): # c",
                "[s:&#39;&#39;&#39;a\n&#39;b&#39;&#39;&#39;]\n[k:def] f(): [c:# c]",
            ),
            ("sh", "echo $# ${x#y} # it's", "[k:echo] $# ${x#y} [c:# it&#39;s]"),
            ("js", "`a\n${b}` + don't", "[s:`a\n${b}`] + don&#39;t"),
            ("c", "#include <a.h>\n#x", "[k:#include] &lt;a.h&gt;\n#x"),
            ("lua", "--[[ a\nb ]] local x -- y", "[c:--[[ a\nb ]]] [k:local] x [c:-- y]"),
            ("json", "{\"a\": [1, true]}", "{[s:&quot;a&quot;]: [[n:1], [k:true]]}"),
            ("html", "<!-- a\n--><a b=\"c\">", "[c:&lt;!-- a\n--&gt;]&lt;a b=[s:&quot;c&quot;]&gt;"),
            ("rust", "/* open", "[c:/* open]"),
            ("rust", "\"open\nfn", "&quot;open\n[k:fn]"),
            ("js", "`open\nif", "[s:`open\nif]"),
        ] {
            assert_eq!(coloured(language, code), expected, "{language}: {code}");
        }
    }

    #[test]
    fn languages_are_found_by_name_and_by_file() {
        for (path, name) in
            [("/a/b.RS", "rust"), ("x.tsx", "js"), ("Makefile", "toml"), ("a.b/Dockerfile", "toml")]
        {
            assert!(std::ptr::eq(Language::of_file(path).unwrap(), Language::named(name).unwrap()), "{path}");
        }
        for path in ["", "/", "a.unheard-of", "README"] {
            assert!(Language::of_file(path).is_none(), "{path}");
        }
    }

    #[test]
    fn rows_of_a_diff_are_coloured_behind_their_number() {
        let mut out = String::new();
        push_diff(&mut out, "-12 let a\n+12 let b\n    ...", Language::named("rust"));
        assert_eq!(
            out,
            "<pre class=\"diff\"><del>-12 <span class=\"k\">let</span> a</del><ins>+12 <span class=\"k\">let</span> b</ins>\
             <span>    ...</span></pre>\n"
        );
    }

    #[test]
    fn quotes_that_never_close_take_no_longer_than_others() {
        for language in ["js", "python"] {
            let hostile = "`\\`\"\\\"'\\'".repeat(20_000);
            let mut out = String::new();
            push_code(&mut out, &hostile, Language::named(language));
            assert!(out.len() >= hostile.len(), "{language}");
        }
    }

    proptest! {
        /// Colours change nothing else: without them the page has the same text, escaped.
        #[test]
        fn colours_are_all_that_is_added(
            at in 0..LANGUAGES.len(),
            code in "([a-z#/*\"'`\\\\<>&é\u{202e}\n -]|if|let|0|\"\"\"|--)*",
        ) {
            let mut out = String::new();
            push_code(&mut out, &code, LANGUAGES.get(at));
            for class in ["c", "s", "n", "k"] {
                out = out.replace(&format!("<span class=\"{class}\">"), "");
            }
            prop_assert_eq!(out.replace("</span>", ""), super::super::text::escaped(&code));
        }
    }
}
