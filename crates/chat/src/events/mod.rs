//! Live events: the publisher, the subscriptions, and the feed of list changes.

pub(crate) mod list_feed;
mod merge;
pub(crate) mod publisher;
pub(crate) mod service;
pub(crate) mod signals;
pub(crate) mod subscription;
