//! Live events: publishing them, subscribing to them, and the feed of changed lists.

pub(crate) mod list_feed;
pub(crate) mod publisher;
pub(crate) mod service;
pub(crate) mod signals;
pub(crate) mod subscription;
