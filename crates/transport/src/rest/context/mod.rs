//! What goes to the model beside the messages.

pub(crate) mod settings;
