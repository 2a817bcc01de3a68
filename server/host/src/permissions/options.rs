//! Arguments of a program taken apart by the options that are known; one that is not known ends it.

use super::shell::Word;

/// The options of a program that are let through.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Letters, also several in one word.
    pub letters: &'static str,
    /// Letters with a value behind them or in the next word.
    pub with_value: &'static str,
    /// Long ones; what is in both lists takes its value only behind `=`.
    pub long: &'static [&'static str],
    /// Long ones with a value behind `=` or in the next word.
    pub long_with_value: &'static [&'static str],
}

/// Arguments taken apart.
#[derive(Debug, Default)]
pub struct Taken<'a> {
    /// Options, without values: letters and long names.
    pub options: Vec<&'a str>,
    /// Values of options: those in words of their own may be paths, whatever is meant.
    pub values: Vec<Word>,
    /// What is no option and no value.
    pub operands: Vec<&'a Word>,
}

impl Taken<'_> {
    /// Whether one of these options is there.
    pub fn has(&self, options: &[&str]) -> bool {
        self.options.iter().any(|it| options.contains(it))
    }
}

impl Form {
    /// Takes arguments apart; `None` if an option is not known, or a word that may be one.
    pub fn take<'a>(&self, args: &'a [Word]) -> Option<Taken<'a>> {
        let mut taken = Taken::default();
        let mut rest = args.iter();
        while let Some(word) = rest.next() {
            let value = word.value.as_deref()?;
            if value == "--" {
                taken.operands.extend(rest.by_ref());
            } else if !value.starts_with('-') || value == "-" {
                taken.operands.push(word);
            } else if word.wild {
                return None;
            } else if let Some(long) = value.strip_prefix("--") {
                match long.split_once('=') {
                    Some((name, value)) if self.long_with_value.contains(&name) => {
                        taken.options.push(name);
                        taken.values.push(Word::plain(value));
                    }
                    Some(_) => return None,
                    None if self.long.contains(&long) => taken.options.push(long),
                    None if self.long_with_value.contains(&long) => {
                        taken.options.push(long);
                        taken.values.push(rest.next().filter(|it| it.fixed().is_some())?.clone());
                    }
                    None => return None,
                }
            } else {
                for (at, letter) in value.char_indices().skip(1) {
                    let end = at + letter.len_utf8();
                    if self.with_value.contains(letter) {
                        taken.options.push(&value[at..end]);
                        let next = || rest.next().filter(|it| it.fixed().is_some()).cloned();
                        let behind = Some(&value[end..]).filter(|it| !it.is_empty()).map(Word::plain);
                        taken.values.push(behind.or_else(next)?);
                        break;
                    }
                    if !self.letters.contains(letter) {
                        return None;
                    }
                    taken.options.push(&value[at..end]);
                }
            }
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_taken_apart_as_programs_do() {
        let form = Form {
            letters: "ab0",
            with_value: "n",
            long: &["all", "color"],
            long_with_value: &["color", "max"],
        };
        let taken = |text: &str| {
            let words: Vec<_> = text.split(' ').map(Word::plain).collect();
            form.take(&words).map(|it| {
                let values: Vec<_> = it.values.iter().filter_map(|it| it.value.clone()).collect();
                let operands: Vec<_> = it.operands.iter().filter_map(|it| it.value.as_deref()).collect();
                format!("{} | {} | {}", it.options.join(" "), values.join(" "), operands.join(" "))
            })
        };
        for (text, expected) in [
            ("-ab x", Some("a b |  | x")),
            ("-n 5 -an7 x", Some("n a n | 5 7 | x")),
            ("--all --color --color=x y", Some("all color color | x | y")),
            ("--max 3 --max=4", Some("max max | 3 4 | ")),
            ("- -- -x", Some(" |  | - -x")),
            ("-x", None),
            ("--other", None),
            ("--all=x", None),
            ("--al", None),
            ("-n", None),
        ] {
            assert_eq!(taken(text).as_deref(), expected, "{text}");
        }
    }
}
