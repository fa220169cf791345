//! The attacking clients. They share one thread, so that they leave CPU time to the server and the honest users.

use std::net::{IpAddr, Ipv4Addr};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, Process};

use super::attacker::{Attacker, Tally};
use super::attacks::{ATTACKS, Attack};
use super::import_file::import_conversation;
use crate::support::prose::Prose;

const ATTACKERS: u8 = 8;

/// The time between two rounds of an attack.
const PAUSE: Duration = Duration::from_millis(50);

const MESSAGE_CHARACTERS: usize = 100_000;

/// An attacker's user, with a conversation for the attacks.
pub(super) struct Account {
    address: IpAddr,
    browser: Browser,
    conversation: String,
}

/// Creates the attackers' users, each with a conversation of this number of messages.
pub(super) async fn sign_up(server: &Process, messages: usize) -> Vec<Account> {
    let accounts = stream::iter(0..ATTACKERS).map(|number| Account::new(server, number, messages));
    accounts.buffer_unordered(2).collect().await
}

impl Account {
    async fn new(server: &Process, number: u8, messages: usize) -> Self {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, number + 11));
        let browser = server.browser().with_address(address);
        let mut prose = Prose::new();
        let texts = (0..messages).map(|_| {
            let many_matches = "the moon and the tide of a sea ".repeat(MESSAGE_CHARACTERS / 64);
            format!("{many_matches}{}", prose.text(MESSAGE_CHARACTERS / 2))
        });
        let conversation = import_conversation(&browser, texts).await;
        Self { address, browser, conversation }
    }
}

/// Runs all attacks of all attackers in a separate thread for this time.
pub(super) fn attack(accounts: Vec<Account>, tally: &Tally, duration: Duration) -> JoinHandle<()> {
    let tally = Tally::clone(tally);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let attackers = accounts.iter().flat_map(|account| {
            ATTACKS.iter().map(|attack| repeat(attack, attacker(attack, account, &tally)))
        });
        runtime.block_on(async { timeout(duration, join_all(attackers)).await.ok() });
    })
}

fn attacker(attack: &Attack, account: &Account, tally: &Tally) -> Attacker {
    Attacker {
        attack: attack.name,
        address: account.address,
        browser: account.browser.with_address(account.address),
        user: account.browser.new_user(),
        conversation: account.conversation.clone(),
        tally: Tally::clone(tally),
    }
}

async fn repeat(attack: &Attack, attacker: Attacker) {
    loop {
        (attack.round)(attacker.clone()).await;
        sleep(PAUSE).await;
    }
}
