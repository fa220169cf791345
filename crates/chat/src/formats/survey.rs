//! Finds out what a document contains, before anything is imported from it.

use std::collections::HashSet;
use std::io::{self, Read};
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess};
use serde_json::Value;
use webchat_domain::Integer;

use super::foreign::{Any, Shape};
use super::input::Document;
use super::input::signature::WHAT_TO_UPLOAD;
use super::json;

/// The members of a document that contain its conversations.
const LISTS: [&str; 5] = ["conversations", "chats", "data", "items", "results"];

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

#[derive(Default)]
struct Counts {
    conversations: u64,
    messages: u64,
    activities: u64,
    entries: u64,
    others: u64,
    /// Whether the elements are in a list within an object.
    is_wrapped: bool,
    has_list: bool,
    format: Option<String>,
    version: Option<u64>,
}

/// Surveys a document. Returns the problem for the user if it contains nothing to import.
pub(super) fn survey<R: Read>(document: &mut Document<R>) -> io::Result<Result<Layout, String>> {
    let mut counts = Counts::default();
    while let Some(first) = document.peek()? {
        match first {
            b'[' => {
                counts.has_list = true;
                for_each_element(document, |document| {
                    let kind = read_kind(document)?;
                    counts.add(kind);
                    Ok::<(), io::Error>(())
                })?;
            }
            b'{' => survey_object(document, &mut counts)?,
            _ => {
                document.value().skip()?;
                counts.others += 1;
            }
        }
    }
    let line = document.broken_off_in_line();
    Ok(counts.layout(line))
}

fn survey_object<R: Read>(document: &mut Document<R>, counts: &mut Counts) -> io::Result<()> {
    let (mut names, mut inner) = (Names::default(), Counts::default());
    for_each_member(document, |document, name| {
        names.add(name);
        match (name, document.peek()?) {
            (name, Some(b'[')) if LISTS.contains(&name) => {
                inner.has_list = true;
                for_each_element(document, |document| {
                    let kind = read_kind(document)?;
                    inner.add(kind);
                    Ok::<(), io::Error>(())
                })
            }
            ("format", _) => {
                inner.format = document.parse(PhantomData::<String>)?.ok();
                Ok(())
            }
            ("version", _) => {
                let version = document.parse(PhantomData::<Integer<u64>>)?;
                inner.version = version.ok().map(|Integer(version)| version);
                Ok(())
            }
            _ => document.value().skip(),
        }
    })?;
    let is_webchat = inner.format.as_deref() == Some(json::FORMAT);
    if inner.has_list && (is_webchat || !names.has_messages()) {
        inner.is_wrapped = true;
        *counts = inner;
    } else if is_webchat {
        counts.format = inner.format;
        counts.version = inner.version;
    } else {
        counts.add(names.kind());
    }
    Ok(())
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        *match kind {
            Kind::Conversation => &mut self.conversations,
            Kind::Message => &mut self.messages,
            Kind::Activity => &mut self.activities,
            Kind::Entry => &mut self.entries,
            Kind::Other => &mut self.others,
        } += 1;
    }

    fn total(&self) -> u64 {
        self.conversations + self.messages + self.activities + self.entries + self.others
    }

    fn layout(&self, broken_off_in_line: Option<u64>) -> Result<Layout, String> {
        let is_wrapped = self.is_wrapped;
        let layout = |format, count| Ok(Layout { format, is_wrapped, count });
        if self.format.as_deref() == Some(json::FORMAT) {
            json::check_version(self.version)?;
            if !self.has_list {
                return Err("it has no conversations".to_owned());
            }
            return layout(Format::Webchat, self.total());
        }
        if self.conversations > 0
            || self.total() == 0 && self.has_list && broken_off_in_line.is_none()
        {
            return layout(Format::Foreign, self.total());
        }
        if self.messages > 0 {
            return layout(Format::Messages, 1);
        }
        if let Some(line) = broken_off_in_line {
            return Err(format!("the file is incomplete: it breaks off in line {line}"));
        }
        Err(if self.activities > 0 {
            format!(
                "this is a list of activities from Google Takeout, which does not contain the answers of Gemini \
                 in a form that can be read. {WHAT_TO_UPLOAD}"
            )
        } else if self.entries > 0 {
            format!("this is a list of conversations without their messages. {WHAT_TO_UPLOAD}")
        } else {
            format!(
                "this is not an export of conversations, nor a list of messages. {WHAT_TO_UPLOAD}"
            )
        })
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

/// Calls `on_element` for each element of a document.
pub(super) fn for_each_conversation<R: Read, E: From<io::Error>>(
    document: &mut Document<R>,
    is_wrapped: bool,
    mut on_element: impl FnMut(&mut Document<R>) -> Result<(), E>,
) -> Result<(), E> {
    while let Some(first) = document.peek()? {
        match first {
            b'[' => for_each_element(document, &mut on_element)?,
            b'{' if is_wrapped => for_each_member(document, |document, name| {
                if LISTS.contains(&name) && document.peek()? == Some(b'[') {
                    return for_each_element(document, &mut on_element);
                }
                Ok(document.value().skip()?)
            })?,
            _ => on_element(document)?,
        }
    }
    Ok(())
}

fn read_kind<R: Read>(document: &mut Document<R>) -> io::Result<Kind> {
    let mut names = Names::default();
    // What was read before an error counts.
    let _ = document.parse(NamesSeed(&mut names))?;
    Ok(names.kind())
}

/// What the name of a member shows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Hint {
    Messages,
    Author,
    Text,
    Id,
    Header,
}

/// The hints of an object.
#[derive(Default)]
struct Names(HashSet<Hint>);

impl Names {
    fn add(&mut self, name: &str) {
        self.0.extend(match name {
            "mapping" | "chat_messages" | "messages" | "chat" | "history" | "conversations" => {
                Some(Hint::Messages)
            }
            "role" | "author" | "sender" | "from" | "isCreatedByUser" => Some(Hint::Author),
            "content" | "text" | "value" | "parts" => Some(Hint::Text),
            "conversation_id" | "conversationId" | "title" | "uuid" => Some(Hint::Id),
            "header" | "products" | "activityControls" => Some(Hint::Header),
            _ => None,
        });
    }

    fn has(&self, hint: Hint) -> bool {
        self.0.contains(&hint)
    }

    fn has_messages(&self) -> bool {
        self.has(Hint::Messages) && self.has(Hint::Id)
    }

    fn kind(&self) -> Kind {
        if self.has(Hint::Messages) {
            Kind::Conversation
        } else if self.has(Hint::Header) {
            Kind::Activity
        } else if self.has(Hint::Author) {
            Kind::Message
        } else if self.has(Hint::Id) && !self.has(Hint::Text) {
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

    fn seq<'de, A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn scalar<E: de::Error>(self, _: Value) -> Result<(), E> {
        Ok(())
    }
}
