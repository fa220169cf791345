//! Finds out what a document contains, before anything is imported from it.

use std::collections::HashSet;
use std::io::{self, Read};
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};
use serde_json::Value;
use thiserror::Error;

use super::input::signature::WHAT_TO_UPLOAD;
use super::input::{Any, Document, Shape};
use super::{native, values};

/// The keys of a document's JSON object whose value contains its conversations or messages.
const LISTS: [&str; 7] =
    ["conversations", "conversation", "chats", "data", "items", "results", "history"];

/// What the elements of a document are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Conversations of Webchat.
    Webchat,
    /// Conversations of other applications.
    Foreign,
    /// The messages of one conversation.
    Messages,
}

/// How a document is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) format: Format,
    /// Whether the elements are in a list within an object. Otherwise an object is an element itself.
    pub(super) is_wrapped: bool,
    /// The number of conversations.
    pub(super) count: u64,
}

/// What kind of value an element is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Conversation,
    Message,
    /// An entry of the activities of a Google account.
    Activity,
    /// A conversation without its messages.
    Entry,
    Other,
}

/// The reason why a document can't be read.
#[derive(Clone, Debug, Error)]
pub(super) enum Unreadable {
    /// It contains something else.
    #[error("{0}")]
    WrongKind(&'static str),
    /// It is damaged, incomplete, or of another version.
    #[error("{0}")]
    Damaged(String),
}

impl Unreadable {
    /// Returns the reason and what to do.
    pub(super) fn with_advice(&self) -> String {
        match self {
            Self::WrongKind(problem) => format!("{problem}. {WHAT_TO_UPLOAD}"),
            Self::Damaged(problem) => problem.clone(),
        }
    }
}

#[derive(Default)]
struct Counts {
    conversations: u64,
    /// How many of the conversations have the form of Webchat's.
    native: u64,
    /// The number of objects with a list of messages, which may be conversations.
    listed: u64,
    messages: u64,
    activities: u64,
    entries: u64,
    others: u64,
    /// Whether the conversations are in lists within objects.
    is_wrapped: bool,
    has_list: bool,
    is_webchat: bool,
    /// The problem of a version of Webchat's format.
    problem: Option<String>,
}

/// Surveys a document. Returns the problem for the user if it contains nothing to import.
pub(super) fn survey<R: Read>(
    document: &mut Document<R>,
) -> io::Result<Result<Layout, Unreadable>> {
    let mut counts = Counts::default();
    while let Some(first) = document.peek()? {
        if first == b'[' {
            counts.has_list = true;
            for_each_element(document, |document| survey_element(document, &mut counts))?;
        } else {
            survey_element(document, &mut counts)?;
        }
    }
    let line = document.broken_off_in_line();
    Ok(counts.layout(line))
}

fn survey_element<R: Read>(document: &mut Document<R>, counts: &mut Counts) -> io::Result<()> {
    if document.peek()? == Some(b'{') {
        return survey_object(document, counts);
    }
    document.value().skip()?;
    counts.others += 1;
    Ok(())
}

fn survey_object<R: Read>(document: &mut Document<R>, counts: &mut Counts) -> io::Result<()> {
    let (mut names, mut inner) = (Names::default(), Counts::default());
    let (mut format, mut version) = (None, None);
    for_each_member(document, |document, name| {
        match (name, document.peek()?) {
            (_, Some(b'[')) if LISTS.contains(&name) => {
                inner.has_list = true;
                return for_each_element(document, |document| {
                    let names = read_names(document)?;
                    inner.add(&names);
                    Ok::<(), io::Error>(())
                });
            }
            ("format", _) => format = document.parse(PhantomData::<String>)?.ok(),
            ("version", _) => {
                let parsed = document.parse(PhantomData::<Value>)?;
                version = parsed.ok().and_then(|version| values::whole_number(&version));
            }
            _ => document.value().skip()?,
        }
        names.add(name);
        Ok(())
    })?;
    if format.as_deref() == Some(native::FORMAT) {
        let problem = if inner.has_list {
            native::check_version(version).err()
        } else {
            Some(NO_LIST.to_owned())
        };
        counts.problem = counts.problem.take().or(problem);
        counts.is_webchat = true;
        counts.add_wrapped(&inner);
    } else if inner.conversations + inner.entries > 0 {
        counts.add_wrapped(&inner);
    } else if names.has(Hint::Messages) || inner.messages == 0 && !inner.has_list {
        counts.add(&names);
    } else if inner.messages > 0 {
        counts.listed += 1;
    } else {
        counts.add_wrapped(&inner);
    }
    Ok(())
}

/// The problem of a file of Webchat without a list.
const NO_LIST: &str = "it has no conversations";

impl Counts {
    fn add(&mut self, names: &Names) {
        let kind = names.kind();
        self.native += u64::from(kind == Kind::Conversation && names.has(Hint::Webchat));
        *match kind {
            Kind::Conversation => &mut self.conversations,
            Kind::Message => &mut self.messages,
            Kind::Activity => &mut self.activities,
            Kind::Entry => &mut self.entries,
            Kind::Other => &mut self.others,
        } += 1;
    }

    /// Adds the elements of the lists within an object.
    fn add_wrapped(&mut self, inner: &Self) {
        self.is_wrapped = true;
        self.has_list |= inner.has_list;
        self.conversations += inner.conversations;
        self.native += inner.native;
        self.messages += inner.messages;
        self.activities += inner.activities;
        self.entries += inner.entries;
        self.others += inner.others;
    }

    fn total(&self) -> u64 {
        let conversations = self.conversations + self.listed;
        conversations + self.messages + self.activities + self.entries + self.others
    }

    fn layout(&self, broken_off_in_line: Option<u64>) -> Result<Layout, Unreadable> {
        let count = self.total();
        let layout = |format| Ok(Layout { format, is_wrapped: self.is_wrapped, count });
        if self.is_webchat {
            let problem = self.problem.clone().map(Unreadable::Damaged);
            return problem.map_or_else(|| layout(Format::Webchat), Err);
        }
        if self.listed == 1 && count == 1 {
            return Ok(Layout { format: Format::Messages, is_wrapped: true, count });
        }
        let is_empty_list = count == 0 && self.has_list && broken_off_in_line.is_none();
        if self.conversations + self.listed > 0 || is_empty_list {
            let is_native = self.native > 0 && self.native == self.conversations;
            return layout(if is_native { Format::Webchat } else { Format::Foreign });
        }
        if self.messages > 0 {
            return Ok(Layout { format: Format::Messages, is_wrapped: self.is_wrapped, count: 1 });
        }
        if let Some(line) = broken_off_in_line {
            let problem = format!("the file is incomplete: it breaks off in line {line}");
            return Err(Unreadable::Damaged(problem));
        }
        Err(Unreadable::WrongKind(if self.activities > 0 {
            "this is a list of activities from Google Takeout, which does not contain the answers of Gemini in a form \
             that can be read"
        } else if self.entries > 0 {
            "this is a list of conversations without messages that can be read"
        } else {
            "it contains neither conversations nor messages in a form that can be read"
        }))
    }
}

/// Calls `on_element` for each element of a list, which it must read.
pub(super) fn for_each_element<R: Read, E: From<io::Error>>(
    document: &mut Document<R>,
    mut on_element: impl FnMut(&mut Document<R>) -> Result<(), E>,
) -> Result<(), E> {
    document.step();
    loop {
        match document.peek()? {
            None => return Ok(()),
            Some(b']') => {
                document.step();
                return Ok(());
            }
            Some(_) => on_element(document)?,
        }
    }
}

/// Calls `on_member` for each member of an object with its name. It must read the value.
fn for_each_member<R: Read, E: From<io::Error>>(
    document: &mut Document<R>,
    mut on_member: impl FnMut(&mut Document<R>, &str) -> Result<(), E>,
) -> Result<(), E> {
    document.step();
    loop {
        match document.peek()? {
            None => return Ok(()),
            Some(b'}') => {
                document.step();
                return Ok(());
            }
            Some(b'"') => {
                let name = document.parse(PhantomData::<String>)?.unwrap_or_default();
                if !matches!(document.peek()?, None | Some(b'}')) {
                    on_member(document, &name)?;
                }
            }
            // Only strings can be names.
            Some(_) => document.value().skip()?,
        }
    }
}

/// Calls `on_element` for each conversation or message of a document.
pub(super) fn for_each_conversation<R: Read, E: From<io::Error>>(
    document: &mut Document<R>,
    is_wrapped: bool,
    mut on_element: impl FnMut(&mut Document<R>) -> Result<(), E>,
) -> Result<(), E> {
    let mut on_element = |document: &mut Document<R>| match document.peek()? {
        Some(b'{') if is_wrapped => for_each_member(document, |document, name| {
            if LISTS.contains(&name) && document.peek()? == Some(b'[') {
                return for_each_element(document, &mut on_element);
            }
            Ok(document.value().skip()?)
        }),
        _ => on_element(document),
    };
    while let Some(first) = document.peek()? {
        if first == b'[' {
            for_each_element(document, &mut on_element)?;
        } else {
            on_element(document)?;
        }
    }
    Ok(())
}

fn read_names<R: Read>(document: &mut Document<R>) -> io::Result<Names> {
    let mut names = Names::default();
    // What was read before an error counts.
    let _ = document.parse(NamesSeed(&mut names))?;
    Ok(names)
}

/// What the name of a member shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Hint {
    Messages,
    Author,
    Text,
    Id,
    Header,
    /// A user, or a project with its documents.
    Account,
    /// A conversation of Webchat.
    Webchat,
}

/// The hints of an object.
#[derive(Default)]
struct Names(HashSet<Hint>);

impl Names {
    fn add(&mut self, name: &str) {
        self.0.extend(match name {
            "mapping" | "chat_messages" | "messages" | "messagesTree" | "chat" | "history"
            | "conversations" => Some(Hint::Messages),
            "last_position" => Some(Hint::Webchat),
            "role" | "author" | "sender" | "from" | "isCreatedByUser" => Some(Hint::Author),
            "content" | "text" | "value" | "parts" => Some(Hint::Text),
            "conversation_id" | "conversationId" | "title" | "uuid" => Some(Hint::Id),
            "email" | "email_address" | "docs" | "prompt_template" => Some(Hint::Account),
            "header" | "products" | "activityControls" => Some(Hint::Header),
            _ => None,
        });
    }

    fn has(&self, hint: Hint) -> bool {
        self.0.contains(&hint)
    }

    fn kind(&self) -> Kind {
        if self.has(Hint::Messages) {
            Kind::Conversation
        } else if self.has(Hint::Header) {
            Kind::Activity
        } else if self.has(Hint::Author) {
            Kind::Message
        } else if self.has(Hint::Id) && !self.has(Hint::Text) && !self.has(Hint::Account) {
            Kind::Entry
        } else {
            Kind::Other
        }
    }
}

struct NamesSeed<'a>(&'a mut Names);

impl<'de> DeserializeSeed<'de> for NamesSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        Any(self).deserialize(deserializer)
    }
}

impl Shape for NamesSeed<'_> {
    type Output = ();

    fn map<'de, A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            self.0.add(&name);
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}
