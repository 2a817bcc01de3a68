//! Definitions in a text, for completing and resolving `@file#name`.
//!
//! A line decides, by a pattern for each family of languages, and indentation says where the definition ends. That
//! finds what people write at the start of a line, and misses what needs a parser.

use std::{path::Path, sync::LazyLock};

use regex::Regex;

/// Lines of one definition.
const LONGEST: usize = 400;
/// Definitions of one text.
const MOST: usize = 2_000;

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// First line, from 1.
    pub first: u32,
    /// Last line.
    pub last: u32,
}

/// Languages that are written alike: endings of their files, and patterns whose group `name` is what is defined.
struct Family {
    endings: &'static [&'static str],
    patterns: &'static [&'static str],
}

/// The families.
const FAMILIES: [Family; 9] = [
    Family {
        endings: &["rs"],
        patterns: &[
            r#"^\s*(?:pub(?:\([^)]*\))?\s+)?(?:(?:default|async|unsafe|const|extern(?:\s+"[^"]*")?)\s+)*(?:fn|struct|enum|union|trait|type|mod|static|const)\s+(?:mut\s+)?(?<name>\w+)"#,
            r"^\s*macro_rules!\s*(?<name>\w+)",
        ],
    },
    Family { endings: &["py", "pyi"], patterns: &[r"^\s*(?:async\s+)?(?:def|class)\s+(?<name>\w+)"] },
    Family {
        endings: &["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"],
        patterns: &[
            r"^\s*(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|class|interface|enum|namespace)\s+(?<name>[\w$]+)",
            r"^\s*(?:export\s+)?(?:declare\s+)?type\s+(?<name>[\w$]+)[^=]*=",
            r"^\s*(?:export\s+)?(?:const|let|var)\s+(?<name>[\w$]+)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function|\([^()]*\)\s*(?::[^=]+)?=>|[\w$]+\s*=>)",
        ],
    },
    Family {
        endings: &["go"],
        patterns: &[r"^func\s+(?:\([^)]*\)\s*)?(?<name>\w+)", r"^\s*type\s+(?<name>\w+)\s"],
    },
    Family {
        endings: &["java", "kt", "kts", "scala", "swift", "cs", "dart", "groovy"],
        patterns: &[
            r"^\s*(?:(?:public|private|protected|internal|open|final|abstract|sealed|static|data|inner|partial|override|suspend|inline|case|export)\s+)*(?:class|interface|enum|record|struct|trait|object|protocol|extension|fun|func|def)\s+(?:class\s+)?(?:<[^>]*>\s*)?(?<name>\w+)",
            r"^\s*(?:(?:public|private|protected|internal|static|final|abstract|override|virtual|async|synchronized)\s+)+(?:<[^>]*>\s*)?[\w<>\[\],.?]+\s+(?<name>\w+)\s*\(",
        ],
    },
    Family {
        endings: &["c", "h", "cc", "cpp", "cxx", "hh", "hpp", "m", "mm"],
        patterns: &[
            r"^\s*(?:typedef\s+)?(?:class|struct|union|namespace|enum(?:\s+class)?)\s+(?<name>\w+)[^;]*$",
            r"^\s*#\s*define\s+(?<name>\w+)",
            r"^(?:[A-Za-z_][\w:<>,]*[\s*&]+)+(?:[\w~]+::)*(?<name>~?\w+)\s*\([^;]*$",
        ],
    },
    Family {
        endings: &["rb", "rake"],
        patterns: &[r"^\s*(?:def\s+(?:self\.)?|class\s+|module\s+)(?<name>[\w:]+[?!=]?)"],
    },
    Family {
        endings: &["lua"],
        patterns: &[
            r"^\s*(?:local\s+)?function\s+(?<name>[\w.:]+)",
            r"^\s*(?:local\s+)?(?<name>[\w.]+)\s*=\s*function\b",
        ],
    },
    Family {
        endings: &["sh", "bash", "zsh", "php"],
        patterns: &[
            r"^\s*(?:(?:public|private|protected|static|abstract|final)\s+)*(?:function|class|interface|trait)\s+(?<name>\w+)",
            r"^\s*(?<name>[\w-]+)\s*\(\)\s*\{?\s*$",
        ],
    },
];

/// The patterns, made when first needed. One that is none finds nothing; a test looks for those.
static PATTERNS: LazyLock<Vec<Vec<Regex>>> = LazyLock::new(|| {
    let made = |it: &Family| it.patterns.iter().filter_map(|it| Regex::new(it).ok()).collect();
    FAMILIES.iter().map(made).collect()
});

/// The definitions in the text of a file, in their order; none where the language is not known.
pub fn definitions(path: &Path, text: &str) -> Vec<Symbol> {
    let ending = path.extension().and_then(|it| it.to_str()).unwrap_or_default().to_lowercase();
    let Some(family) = FAMILIES.iter().position(|it| it.endings.contains(&ending.as_str())) else {
        return Vec::new();
    };
    let lines: Vec<&str> = text.lines().collect();
    let name = |line: &str| {
        let mut patterns = PATTERNS.get(family)?.iter();
        patterns.find_map(|it| Some(it.captures(line)?.name("name")?.as_str().to_owned()))
    };
    let number = |at: usize| u32::try_from(at + 1).unwrap_or(u32::MAX);
    let found = lines.iter().enumerate().filter_map(|(at, line)| {
        Some(Symbol { name: name(line)?, first: number(at), last: number(end(&lines, at)) })
    });
    found.take(MOST).collect()
}

/// The innermost definition that a line, from 1, is in.
pub fn enclosing(path: &Path, text: &str, line: u32) -> Option<Symbol> {
    let around = definitions(path, text).into_iter().filter(|it| it.first <= line && line <= it.last);
    around.min_by_key(|it| it.last - it.first)
}

/// The last line of what begins at a line: until something stands as far left again that does not close it.
fn end(lines: &[&str], start: usize) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(lines[start]);
    let mut last = start;
    for (at, line) in lines.iter().enumerate().skip(start + 1).take(LONGEST) {
        if line.trim().is_empty() {
            continue;
        }
        if indent(line) > own {
            last = at;
            continue;
        }
        let content = line.trim_start();
        // A brace on a line of its own opens it; the rest of a signature and what closes it belong to it.
        let opens = at == start + 1 && content.starts_with('{');
        let closes = content.starts_with(['}', ')', ']']) || content.starts_with("end") || content == "fi";
        if !(opens || closes) || indent(line) < own {
            break;
        }
        last = at;
        if closes && !content.ends_with(['{', '(']) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_are_patterns() {
        let given: usize = FAMILIES.iter().map(|it| it.patterns.len()).sum();
        assert_eq!(PATTERNS.iter().map(Vec::len).sum::<usize>(), given);
    }

    #[test]
    fn definitions_of_each_family() {
        for (file, text, expected) in [
            (
                "a.rs",
                "use x;\n\npub(crate) async fn run(\n    a: u8,\n) -> u8 {\n    1\n}\n\nimpl A {\n    const fn b() {}\n}\nstruct Unit;\n",
                "run 3-7, b 10-10, Unit 12-12",
            ),
            (
                "a.py",
                "class A:\n    def b(self):\n        pass\n\n    x = 1\n\nasync def c():\n    pass\n",
                "A 1-5, b 2-3, c 7-8",
            ),
            (
                "a.ts",
                "export default class A {\n  b() {}\n}\nexport const c = async (x: number) => {\n  x;\n};\ntype D<T> = T;\nconst e = 1;\n",
                "A 1-3, c 4-6, D 7-7",
            ),
            (
                "a.go",
                "type A struct {\n\tx int\n}\n\nfunc (a *A) B() {\n}\nfunc c() {}\n",
                "A 1-3, B 5-6, c 7-7",
            ),
            (
                "a.java",
                "public class A {\n    private static int b(int x)\n    {\n        return x;\n    }\n}\n",
                "A 1-6, b 2-5",
            ),
            ("a.kt", "data class A(val x: Int)\nfun <T> b(x: T) {\n}\n", "A 1-1, b 2-3"),
            (
                "a.c",
                "#define X 1\nstatic int\nstruct s;\nstruct t {\n  int x;\n};\nint *f(int a,\n       int b)\n{\n  return g(a);\n}\nint h(void);\n",
                "X 1-1, t 4-6, f 7-8",
            ),
            ("a.cpp", "void A::b() const {\n}\n", "b 1-2"),
            ("a.rb", "class A\n  def self.b?\n  end\nend\n", "A 1-4, b? 2-3"),
            (
                "a.lua",
                "local function a()\nend\nM.b = function() end\nfunction M:c()\n  x()\nend\n",
                "a 1-2, M.b 3-3, M:c 4-6",
            ),
            ("a.sh", "run() {\n  x\n}\nfunction b {\n}\n", "run 1-3, b 4-5"),
            ("a.php", "class A\n{\n    public function b() {\n    }\n}\n", "A 1-5, b 3-4"),
            ("a.txt", "def x():\n", ""),
            ("a.rs", "let fnord = 1;\n// fn x\n\"fn y\"\n", ""),
        ] {
            let found = definitions(Path::new(file), text);
            let found: Vec<_> =
                found.iter().map(|it| format!("{} {}-{}", it.name, it.first, it.last)).collect();
            assert_eq!(found.join(", "), expected, "{file}: {text}");
        }
    }
}
