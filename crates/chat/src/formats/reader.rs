//! Reads import files of all formats. Only one conversation is in memory at a time, and its size is bounded.

use std::io::{Read, Seek};

use webchat_domain::{Timestamp, Title};

use super::foreign::{self, ForeignConversation, ForeignConversationSeed, MessageList};
use super::imported_conversation::ImportedConversation;
use super::input::archive::{Archive, ArchiveError};
use super::input::{Document, PickMessage, signature};
use super::left_out::LeftOut;
use super::native::{self, NativeConversation, NativeConversationSeed};
use super::read_error::{ReadError, invalid, reason};
use super::survey::{Format, Layout, Unreadable, for_each_conversation, survey};

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
    layouts: Vec<Result<Layout, Unreadable>>,
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
    for_each_document(file, max_bytes, |_, document| {
        layouts.push(match document {
            Ok(document) => survey(document)?,
            Err(problem) => Err(problem),
        });
        Ok(())
    })?;
    match layouts.iter().find_map(|layout| layout.as_ref().err()) {
        Some(problem) if layouts.iter().all(Result::is_err) => Err(invalid(&problem.with_advice())),
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
    let mut layouts = contents.layouts.iter();
    for_each_document(&mut file, contents.max_bytes, |path, document| {
        let left_out = |problem: &str| {
            let place = path.map(|path| format!("{path}: ")).unwrap_or_default();
            Item::LeftOut(Name::default().left_out(0, format!("{place}{problem}"), 1))
        };
        let layout = match layouts.next() {
            Some(Ok(layout)) => *layout,
            Some(Err(problem)) => return on_item(left_out(&problem.to_string())),
            None => return Ok(()),
        };
        let Ok(document) = document else { return Ok(()) };
        ElementReader { now, position: &mut position, on_item }.read(document, layout)?;
        let Some(line) = document.broken_off_in_line() else { return Ok(()) };
        let problem = format!(
            "the file breaks off in line {line}, or a bracket is missing before; what follows may be missing"
        );
        on_item(left_out(&problem))
    })
}

/// A document, or the reason why it can't be read.
type OpenedDocument<'a, 'b> = Result<&'a mut Document<&'b mut dyn Read>, Unreadable>;

/// Calls `on_document` with each document and, in an archive, its path.
fn for_each_document<F: Read + Seek>(
    file: &mut F,
    max_bytes: u64,
    mut on_document: impl FnMut(Option<&str>, OpenedDocument<'_, '_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let mut beginning = Vec::new();
    file.rewind()?;
    file.take(SIGNATURE_BYTES).read_to_end(&mut beginning)?;
    file.rewind()?;
    if beginning.starts_with(b"PK") {
        let mut archive = Archive::open(&mut *file)?;
        let mut remaining = max_bytes;
        for number in 0..archive.len() {
            let path = archive.path(number);
            match archive.document(number, &mut remaining) {
                Ok(mut document) => {
                    let document: &mut dyn Read = &mut document;
                    on_document(Some(&path), Ok(&mut Document::new(document)))?;
                }
                Err(ArchiveError::Invalid(problem)) => {
                    on_document(Some(&path), Err(Unreadable::Damaged(problem)))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        return Ok(());
    }
    let is_json = matches!(Document::new(&mut *file).peek()?, Some(b'[' | b'{'));
    if !is_json || signature::is_python(&beginning) {
        return Err(invalid(&signature::problem(&beginning)));
    }
    file.rewind()?;
    let document: &mut dyn Read = file;
    on_document(None, Ok(&mut Document::new(document)))
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
                let mut source = NativeConversation::default();
                let parsed = document.parse(NativeConversationSeed(&mut source))?;
                let name = Name { id: source.id(), title: source.title() };
                self.report_repair(document, &name)?;
                let parsed = parsed.map_err(|error| reason(&error));
                self.pass(parsed.and_then(|()| native::convert(source, self.now)), name)
            }),
            Format::Foreign => for_each_conversation(document, layout.is_wrapped, |document| {
                *self.position += 1;
                let mut source = ForeignConversation::default();
                let parsed = document.parse(ForeignConversationSeed(&mut source))?;
                let name = Name { id: source.id(), title: source.title() };
                self.report_repair(document, &name)?;
                let parsed = parsed.map_err(|error| reason(&error));
                self.pass(parsed.and_then(|()| foreign::convert(source, self.now)), name)
            }),
        }
    }

    /// Reads the messages of a file that contains no conversations around them.
    fn read_messages<R: Read>(
        &mut self,
        document: &mut Document<R>,
        is_wrapped: bool,
    ) -> Result<(), ReadError> {
        let mut list = MessageList::default();
        let mut problem = None;
        for_each_conversation(document, is_wrapped, |document| {
            if problem.is_some() {
                return Ok::<(), ReadError>(document.value().skip()?);
            }
            match document.parse(PickMessage)? {
                Ok(message) => problem = list.add(&message).err(),
                Err(error) if error.is_eof() => {}
                Err(error) => problem = Some(reason(&error)),
            }
            Ok(())
        })?;
        self.report_repair(document, &Name::default())?;
        if let Some(problem) = problem {
            *self.position += 1;
            return self.pass(Err(problem), Name::default());
        }
        list.into_conversations().into_iter().try_for_each(|source| {
            *self.position += 1;
            let name = Name { id: source.id(), title: source.title() };
            self.pass(foreign::convert(source, self.now), name)
        })
    }

    /// Reports that parts of the JSON were not understood.
    fn report_repair<R: Read>(
        &mut self,
        document: &mut Document<R>,
        name: &Name,
    ) -> Result<(), ReadError> {
        if !document.takes_damage() {
            return Ok(());
        }
        let reason = "a part of it is not valid JSON, and may be missing".to_owned();
        (self.on_item)(Item::LeftOut(name.left_out(*self.position, reason, 1)))
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
