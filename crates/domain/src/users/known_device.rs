//! Devices on which users have signed in.

use serde::{Deserialize, Serialize};

use super::Account;
use crate::{DeviceId, UserId};

/// A device on which the user of an account has signed in since all of the user's sessions last ended. The device sends it
/// in an encrypted cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDevice {
    /// The device.
    pub device_id: DeviceId,
    /// The user of the account.
    pub user_id: UserId,
    /// The account's version at the sign-in.
    pub account_version: u32,
}

impl KnownDevice {
    /// Returns the device on which the user of this account signs in.
    #[must_use]
    pub fn new(device_id: DeviceId, account: &Account) -> Self {
        Self { device_id, user_id: account.user_id, account_version: account.version }
    }

    /// Returns whether somebody who knew the account's current password, or signed in another way that the account still
    /// has, has signed in on the device.
    #[must_use]
    pub fn is_known_to(&self, account: &Account) -> bool {
        self.user_id == account.user_id && self.account_version == account.version
    }
}
