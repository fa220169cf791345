//! Reads import files of all formats. Only one conversation is in memory at a time, and its size is bounded.

use std::io::{Read, Seek};

use webchat_domain::{Timestamp, Title};

use super::flask::{self, FlaskMessage};
use super::foreign::{self, Source, SourceSeed};
use super::imported_conversation::ImportedConversation;
use super::input::archive::Archive;
use super::input::{Document, PickMessage, signature};
use super::left_out::LeftOut;
use super::limits::ConversationSize;
use super::native::{self, NativeSeed, NativeSource};
use super::read_error::{ReadError, invalid, reason};
use super::survey::{Format, Layout, for_each_conversation, survey};

/// The number of bytes by which the kind of a file is recognised.
const SIGNATURE_BYTES: u64 = 4096;

/// What was read from a file.
pub(crate) enum Item {
    /// A conversation and its number in the file, from 1.
    Conversation(u64, Box<ImportedConversation>),
    /// A conversation or parts of one that can't be imported.
    LeftOut(LeftOut),
}

/// A callback that receives what was read. An error stops the reader.
pub(crate) type OnItem<'a> = dyn FnMut(Item) -> Result<(), ReadError> + 'a;

/// The documents of a file, and how they are read.
pub(crate) struct Contents {
    /// One for each document that contains conversations. Other documents of an archive are ignored.
    layouts: Vec<Option<Layout>>,
    max_bytes: u64,
}

impl Contents {
    /// Returns the number of conversations in the file.
    pub(crate) fn count(&self) -> u64 {
        self.layouts.iter().flatten().map(|layout| layout.count).sum()
    }
}

/// Finds the conversations of a file. `max_bytes` limits the unpacked size of an archive.
pub(crate) fn open(file: &mut (impl Read + Seek), max_bytes: u64) -> Result<Contents, ReadError> {
    let mut layouts = Vec::new();
    let mut problem = None;
    for_each_document(file, max_bytes, |_, document| {
        let layout = survey(document)?;
        layouts.push(layout.map_err(|text| problem.get_or_insert(text).clone()).ok());
        Ok(())
    })?;
    match problem {
        Some(problem) if layouts.iter().all(Option::is_none) => Err(invalid(&problem)),
        _ => Ok(Contents { layouts, max_bytes }),
    }
}

/// Passes the conversations of the file to `on_item`. Missing times are set to `now`.
pub(crate) fn read(
    mut file: impl Read + Seek,
    contents: &Contents,
    now: Timestamp,
    on_item: &mut OnItem<'_>,
) -> Result<(), ReadError> {
    let mut position = 0;
    for_each_document(&mut file, contents.max_bytes, |number, document| {
        let Some(layout) = contents.layouts.get(number).copied().flatten() else { return Ok(()) };
        let mut reader = ElementReader { now, position: &mut position, on_item };
        reader.read(document, layout)?;
        let Some(line) = document.broken_off_in_line() else { return Ok(()) };
        let reason = format!("the file breaks off in line {line}; what follows is missing");
        on_item(Item::LeftOut(Name::default().left_out(position, reason, 1)))
    })
}

fn for_each_document<F: Read + Seek>(
    file: &mut F,
    max_bytes: u64,
    mut on_document: impl FnMut(usize, &mut Document<&mut dyn Read>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut beginning = Vec::new();
    file.rewind()?;
    file.take(SIGNATURE_BYTES).read_to_end(&mut beginning)?;
    file.rewind()?;
    if beginning.starts_with(b"PK") {
        let mut archive = Archive::open(&mut *file)?;
        let mut remaining = max_bytes;
        for number in 0..archive.len() {
            let mut document = archive.document(number, &mut remaining)?;
            let document: &mut dyn Read = &mut document;
            on_document(number, &mut Document::new(document))?;
        }
        return Ok(());
    }
    if !matches!(Document::new(&mut *file).peek()?, Some(b'[' | b'{')) {
        return Err(invalid(&signature::problem(&beginning)));
    }
    file.rewind()?;
    let document: &mut dyn Read = file;
    on_document(0, &mut Document::new(document))
}

/// What identifies a conversation for the user.
#[derive(Default)]
struct Name {
    id: Option<Box<str>>,
    title: Option<Title>,
}

impl Name {
    fn left_out(&self, position: u64, reason: String, count: u64) -> LeftOut {
        let conversation_id = self.id.as_deref().map(str::to_owned);
        let title = self.title.clone();
        LeftOut { position, conversation_id, title, reason, count }.truncated()
    }
}

/// Reads the elements of a document.
struct ElementReader<'a, 'b> {
    now: Timestamp,
    /// The number of conversations that were read before, in all documents.
    position: &'a mut u64,
    on_item: &'a mut OnItem<'b>,
}

impl ElementReader<'_, '_> {
    fn read<R: Read>(
        &mut self,
        document: &mut Document<R>,
        layout: Layout,
    ) -> Result<(), ReadError> {
        match layout.format {
            Format::Messages => self.read_messages(document, layout.is_wrapped),
            Format::Webchat => for_each_conversation(document, layout.is_wrapped, |document| {
                *self.position += 1;
                let mut source = NativeSource::default();
                let parsed = document.parse(NativeSeed(&mut source))?;
                let name = Name { id: source.id(), title: source.title() };
                let parsed = parsed.map_err(|error| reason(&error));
                self.pass(parsed.and_then(|()| native::convert(source, self.now)), name)
            }),
            Format::Foreign => for_each_conversation(document, layout.is_wrapped, |document| {
                *self.position += 1;
                let mut source = Source::default();
                let parsed = document.parse(SourceSeed(&mut source))?;
                let name = Name { id: source.id(), title: source.title() };
                let parsed = parsed.map_err(|error| reason(&error));
                self.pass(parsed.and_then(|()| foreign::convert(source, self.now)), name)
            }),
        }
    }

    /// Reads the messages of a file that contains a single conversation.
    fn read_messages<R: Read>(
        &mut self,
        document: &mut Document<R>,
        is_wrapped: bool,
    ) -> Result<(), ReadError> {
        let (mut messages, mut size) = (Vec::new(), ConversationSize::default());
        let mut problem = None;
        *self.position += 1;
        for_each_conversation(document, is_wrapped, |document| {
            if problem.is_some() {
                return Ok::<(), ReadError>(document.value().skip()?);
            }
            match document.parse(PickMessage)? {
                Ok(value) => {
                    let message = FlaskMessage::read(&value);
                    problem = size.add(message.text_bytes()).err();
                    messages.push(message);
                }
                Err(error) if error.is_eof() => {}
                Err(error) => problem = Some(reason(&error)),
            }
            Ok(())
        })?;
        let converted = match problem {
            Some(problem) => Err(problem),
            None => flask::convert(messages, self.now),
        };
        match converted.transpose() {
            Some(converted) => self.pass(converted, Name::default()),
            None => Ok(()),
        }
    }

    /// Passes on a conversation, or the reason why it can't be imported.
    fn pass(
        &mut self,
        converted: Result<ImportedConversation, String>,
        name: Name,
    ) -> Result<(), ReadError> {
        let position = *self.position;
        match converted {
            Err(reason) => (self.on_item)(Item::LeftOut(name.left_out(position, reason, 1))),
            Ok(mut conversation) => {
                let left_out = std::mem::take(&mut conversation.left_out);
                let title = conversation.conversation.title.clone();
                (self.on_item)(Item::Conversation(position, Box::new(conversation)))?;
                let name = Name { title, ..name };
                left_out.sentences().try_for_each(|(sentence, count)| {
                    (self.on_item)(Item::LeftOut(name.left_out(position, sentence, count)))
                })
            }
        }
    }
}
