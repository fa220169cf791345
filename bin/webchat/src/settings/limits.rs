//! The settings that limit users, their networks and the server.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use webchat_chat::{DailyTokenLimits, StoredBytesLimits};
use webchat_transport::Limits;

use super::parsers::number_in_range;
use crate::env::EnvReader;

const MEGABYTE: u64 = 1024 * 1024;

/// Reads a limit. 0 means no limit.
pub(super) fn limit(
    reader: &mut EnvReader<'_>,
    name: &'static str,
    default: u32,
) -> Option<NonZeroU32> {
    NonZeroU32::new(reader.parsed(name, "a number; 0 for no limit", default))
}

pub(super) fn daily_tokens(reader: &mut EnvReader<'_>) -> DailyTokenLimits {
    let mut tokens = |name, default: u64| {
        NonZeroU64::new(reader.parsed(name, "a number of tokens; 0 for no limit", default))
    };
    DailyTokenLimits {
        per_user: tokens("DAILY_TOKENS_PER_USER", 2_000_000),
        per_network: tokens("DAILY_TOKENS_PER_ADDRESS", 10_000_000),
        total: tokens("DAILY_TOKENS", 100_000_000),
    }
}

pub(super) fn limits(reader: &mut EnvReader<'_>) -> Limits {
    let default = Limits::default();
    let mut number = |name| -> Option<NonZeroU32> { reader.parsed_if_set(name, "a number from 1") };
    let seconds = |number: NonZeroU32| Duration::from_secs(number.get().into());
    let count = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
    let kilobytes = |number: NonZeroU32| count(number).saturating_mul(1024);
    Limits {
        messages_per_second: number("WS_MESSAGES_PER_S")
            .map_or(default.messages_per_second, NonZeroU32::get),
        connections_per_user: number("WS_CONNECTIONS_PER_USER")
            .map_or(default.connections_per_user, count),
        connections_per_network: number("CONNECTIONS_PER_ADDRESS")
            .map_or(default.connections_per_network, count),
        max_connections: number("MAX_CONNECTIONS").map_or(default.max_connections, count),
        idle_timeout: number("WS_IDLE_S").map_or(default.idle_timeout, seconds),
        send_timeout: number("WS_SLOWEST_S").map_or(default.send_timeout, seconds),
        max_frame: number("WS_MAX_FRAME_KB").map_or(default.max_frame, kilobytes),
        max_message: number("WS_MAX_MESSAGE_KB").map_or(default.max_message, kilobytes),
    }
}

pub(super) fn max_stored_bytes(reader: &mut EnvReader<'_>) -> StoredBytesLimits {
    let mut bytes = |name, default| {
        limit(reader, name, default).map(|megabytes| u64::from(megabytes.get()) * MEGABYTE)
    };
    StoredBytesLimits {
        per_user: bytes("MAX_STORED_MB_PER_USER", 1_000),
        total: bytes("MAX_STORED_MB", 0),
    }
}

pub(super) fn max_import_bytes(reader: &mut EnvReader<'_>) -> u64 {
    let megabytes = number_in_range(reader, "MAX_IMPORT_SIZE_MB", " of megabytes", 1..=10_000);
    megabytes.unwrap_or(100) * MEGABYTE
}
