//! Separates reasoning between marks, such as `<think>` and `</think>`, from the text of an answer.

use std::mem;

use webchat_domain::REASONING_MARKS;

/// Separates the reasoning at the beginning of an answer from its text, whatever the chunks are in which it arrives.
/// Marks after the first other character are text, for example in code. Reasoning without an end is all reasoning.
#[derive(Debug, Default)]
pub(super) struct ThinkSplitter {
    state: State,
    /// The white space at the beginning.
    space: String,
    /// What may become a mark.
    held: String,
    has_reasoning: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Only white space and reasoning so far.
    #[default]
    Start,
    /// After the beginning of reasoning, which ends with this mark.
    Reasoning(&'static str),
    Text,
}

/// What a chunk adds. The reasoning comes before the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) reasoning: String,
    pub(super) text: String,
}

impl ThinkSplitter {
    /// Adds a chunk.
    pub(super) fn push(&mut self, chunk: &str) -> Split {
        self.held.push_str(chunk);
        let mut split = Split::default();
        loop {
            let is_waiting = match self.state {
                State::Start => self.start(),
                State::Reasoning(end) => self.reason(end, &mut split.reasoning),
                State::Text => {
                    split.text.push_str(&mem::take(&mut self.held));
                    true
                }
            };
            if is_waiting {
                return split;
            }
        }
    }

    /// Ends the answer. What could have become a mark is text or reasoning.
    pub(super) fn finish(&mut self) -> Split {
        match self.state {
            State::Reasoning(_) => {
                Split { reasoning: mem::take(&mut self.held), text: String::new() }
            }
            State::Start => Split { reasoning: String::new(), text: self.text_at_start() },
            State::Text => Split::default(),
        }
    }

    /// Returns the beginning of the text. White space is part of it, unless it separates the text from the reasoning.
    fn text_at_start(&mut self) -> String {
        let (space, held) = (mem::take(&mut self.space), mem::take(&mut self.held));
        if self.has_reasoning { held } else { space + &held }
    }

    /// Looks for a mark at the beginning. Returns whether more characters are needed.
    fn start(&mut self) -> bool {
        let space_len = self.held.len() - self.held.trim_start().len();
        self.space.extend(self.held.drain(..space_len));
        let text = self.held.as_str();
        if let Some((begin, end)) =
            REASONING_MARKS.into_iter().find(|(begin, _)| begins_with(text, begin))
        {
            let rest = text.get(begin.len()..).unwrap_or_default();
            // Two parts of the reasoning are two paragraphs.
            let separator = if self.has_reasoning { "\n\n" } else { "" };
            self.held = [separator, rest].concat();
            self.state = State::Reasoning(end);
            self.has_reasoning = true;
            return false;
        }
        if REASONING_MARKS.into_iter().any(|(begin, _)| begins_with(begin, text)) {
            return true;
        }
        self.held = self.text_at_start();
        self.state = State::Text;
        false
    }

    /// Looks for the end of the reasoning. Returns whether more characters are needed.
    fn reason(&mut self, end: &'static str, reasoning: &mut String) -> bool {
        // Lower case in ASCII does not change the offsets.
        if let Some(at) = self.held.to_ascii_lowercase().find(end) {
            let rest = self.held.split_off(at);
            reasoning.push_str(&mem::take(&mut self.held));
            rest.get(end.len()..).unwrap_or_default().clone_into(&mut self.held);
            self.state = State::Start;
            return false;
        }
        let length = self.held.len();
        let is_start_of_end =
            |start: &usize| self.held.get(*start..).is_some_and(|suffix| begins_with(end, suffix));
        let kept = (length.saturating_sub(end.len())..length).find(is_start_of_end);
        let rest = self.held.split_off(kept.unwrap_or(length));
        reasoning.push_str(&mem::replace(&mut self.held, rest));
        true
    }
}

/// Returns whether the text begins with this, in upper or lower case.
fn begins_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split<'a>(chunks: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let mut splitter = ThinkSplitter::default();
        let mut whole = Split::default();
        let mut add = |split: Split| {
            assert!(split.reasoning.is_empty() || whole.text.is_empty(), "reasoning after text");
            whole.reasoning.push_str(&split.reasoning);
            whole.text.push_str(&split.text);
        };
        for chunk in chunks {
            add(splitter.push(chunk));
        }
        add(splitter.finish());
        (whole.reasoning, whole.text)
    }

    #[test]
    fn only_marks_at_the_beginning_separate_reasoning() {
        for (answer, reasoning, text) in [
            ("Four.", "", "Four."),
            ("  Four.", "", "  Four."),
            ("<think>A sum.</think>Four.", "A sum.", "Four."),
            ("\n <Think>\nA sum.\n</THINK>\n\nFour.", "\nA sum.\n", "Four."),
            ("[THINK]A sum.[/THINK]Four.", "A sum.", "Four."),
            ("◁think▷A sum.◁/think▷Four.", "A sum.", "Four."),
            ("<think>a</think>\n<thinking>b</thinking>Four.", "a\n\nb", "Four."),
            ("<think></think>Four.", "", "Four."),
            ("<think>\n\n</think>\n\nFour.", "\n\n", "Four."),
            ("<think>A sum", "A sum", ""),
            ("<think>A sum</th", "A sum</th", ""),
            ("<think>a </thinking> b</think>Four.", "a </thinking> b", "Four."),
            ("<th", "", "<th"),
            ("<thin air>", "", "<thin air>"),
            ("`<think>` is a mark.", "", "`<think>` is a mark."),
            ("```\n<think>a</think>\n```", "", "```\n<think>a</think>\n```"),
            ("I <think>so</think>.", "", "I <think>so</think>."),
            ("<think>a</think>Four. <think>b</think>", "a", "Four. <think>b</think>"),
        ] {
            let expected = (reasoning.to_owned(), text.to_owned());
            assert_eq!(split([answer]), expected, "{answer}");
        }
    }

    #[test]
    fn text_and_reasoning_that_are_no_marks_are_not_held_back() {
        let mut splitter = ThinkSplitter::default();

        let pushed = ["<think>", "A s", "um <", "b", "</think>", "4", " <th"]
            .map(|chunk| splitter.push(chunk))
            .map(|Split { reasoning, text }| (reasoning, text));

        let expected = [("", ""), ("A s", ""), ("um ", ""), ("<b", ""), ("", ""), ("", "4")];
        let pairs = pushed.each_ref().map(|(reasoning, text)| (reasoning.as_str(), text.as_str()));
        assert_eq!(pairs[..6], expected);
        assert_eq!(pairs[6], ("", " <th"));
    }

    /// Generates answers that consist of marks, of parts of marks and of other text.
    fn answers() -> impl Strategy<Value = String> {
        let marks = REASONING_MARKS.into_iter().flat_map(|(begin, end)| [begin, end]);
        let marks = prop::sample::select(marks.collect::<Vec<_>>());
        let part = prop_oneof![
            4 => marks.clone().prop_map(str::to_owned),
            1 => (marks.clone(), any::<prop::sample::Index>()).prop_map(|(mark, end)| {
                mark.split_at(mark.floor_char_boundary(end.index(mark.len()))).0.to_owned()
            }),
            1 => marks.prop_map(str::to_uppercase),
            2 => "[ \n]{1,2}",
            2 => "[a<`/▷潮]{1,3}",
        ];
        prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn each_division_into_chunks_gives_the_same_as_the_whole(
            answer in answers(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let cuts = cuts.iter().map(|cut| cut.index(answer.len() + 1));
            let mut ends: Vec<_> = cuts.map(|cut| answer.floor_char_boundary(cut)).collect();
            ends.extend([0, answer.len()]);
            ends.sort_unstable();
            let chunks = ends.windows(2).map(|pair| answer.get(pair[0]..pair[1]).unwrap());
            let characters = answer.split_inclusive(|_| true);

            let whole = split([answer.as_str()]);

            prop_assert_eq!(&split(chunks), &whole);
            prop_assert_eq!(&split(characters), &whole);
        }
    }
}
