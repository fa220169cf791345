//! The services.

use std::sync::Arc;

use crate::core::Core;
use crate::files::FileWork;
use crate::imports::Imports;

/// Turns: questions and the model's answers.
#[derive(Clone)]
pub struct Turns {
    pub(crate) core: Arc<Core>,
}

/// Conversations and their messages.
#[derive(Clone)]
pub struct Conversations {
    pub(crate) core: Arc<Core>,
}

/// What goes to the model besides the messages.
#[derive(Clone)]
pub struct Contexts {
    pub(crate) core: Arc<Core>,
}

/// Files and their analyses.
#[derive(Clone)]
pub struct Files {
    pub(crate) core: Arc<Core>,
    pub(crate) work: Arc<FileWork>,
}

/// Export and import.
#[derive(Clone)]
pub struct Transfer {
    pub(crate) core: Arc<Core>,
    pub(crate) imports: Arc<Imports>,
}

/// Sessions and their users.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) core: Arc<Core>,
}

/// Subscriptions to events and lists.
#[derive(Clone)]
pub struct Events {
    pub(crate) core: Arc<Core>,
}

macro_rules! new {
    ($($service:ident),*) => {$(
        impl $service {
            pub(crate) fn new(core: &Arc<Core>) -> Self {
                Self { core: Arc::clone(core) }
            }
        }
    )*};
}
new!(Turns, Conversations, Contexts, Accounts, Events);

impl Files {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core), work: Arc::new(FileWork::new(&core.settings)) }
    }
}

impl Transfer {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core), imports: Arc::default() }
    }
}
