//! The limits of users, their networks and the server.

use super::super::declaration::section;
use super::super::kind::Kind;

const TOKENS: Kind = Kind::Limit { unit: "tokens", max: i64::MAX };
const COUNT: Kind = Kind::integer("", 1, u32::MAX);

section! {
    LimitSettings: [limits], "Limits" {
        /// Limits per user: concurrent answers on one instance, and requests per second (bursts may have four times as
        /// many). Browsers stay far below them. 0 means no limit.
        TURNS_PER_USER => turns_per_user: u32 = "16", Kind::limit("");
        REQUESTS_PER_SECOND => requests_per_second: u32 = "50", Kind::limit("");

        /// Limits per client address (for IPv6, per /64 network), shared by all users of the address: concurrent
        /// answers on one instance, requests per second (bursts may have four times as many), new users per minute,
        /// and live connections. 0 means no limit, except for CONNECTIONS_PER_ADDRESS. Behind a proxy, set
        /// TRUSTED_PROXIES: otherwise all users share the address of the proxy.
        TURNS_PER_ADDRESS => turns_per_address: u32 = "50", Kind::limit("");
        REQUESTS_PER_SECOND_PER_ADDRESS => requests_per_second_per_address: u32 = "200", Kind::limit("");
        NEW_USERS_PER_MINUTE_PER_ADDRESS => new_users_per_minute_per_address: u32 = "30", Kind::limit("");
        CONNECTIONS_PER_ADDRESS => connections_per_address: usize = "200", COUNT;

        /// Limits of one instance: concurrent answers, new users per minute, and live connections. 0 means no limit,
        /// except for MAX_CONNECTIONS.
        MAX_TURNS => max_turns: u32 = "500", Kind::limit("");
        NEW_USERS_PER_MINUTE => new_users_per_minute: u32 = "600", Kind::limit("");
        MAX_CONNECTIONS => max_connections: usize = "10000", COUNT;

        /// The maximum number of tokens per day (UTC) that are sent to the model and received from it: for each user,
        /// for each client address, and for the server. A request that may exceed one is refused before anything is
        /// sent. 0 means no limit.
        DAILY_TOKENS_PER_USER => daily_tokens_per_user: u64 = "2000000", TOKENS;
        DAILY_TOKENS_PER_ADDRESS => daily_tokens_per_address: u64 = "10000000", TOKENS;
        DAILY_TOKENS => daily_tokens: u64 = "100000000", TOKENS;
    }
}
