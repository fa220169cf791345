import NotificationIcon from '@carbon/icons/es/notification/16.js';
import NotificationOff from '@carbon/icons/es/notification--off/16.js';

import type { App } from '../../app/app';
import type { MenuItem } from '../../ui/overlays/popup-menu';
import { answerNotificationWords as words } from '../../words/shell';

/** The menu item that turns desktop notifications on and off, if the browser has them. */
export function notificationItems({ notifications, toasts }: App): MenuItem[] {
  if (!notifications.isSupported) return [];
  if (notifications.value) {
    const turnOff = () => {
      notifications.turnOff();
      toasts.show(words.off());
    };
    return [{ label: words.turnOff(), icon: NotificationOff, run: turnOff }];
  }
  const turnOn = async () => {
    const isOn = await notifications.turnOn();
    toasts.show(isOn ? words.on() : words.blocked());
  };
  return [{ label: words.turnOn(), icon: NotificationIcon, run: () => void turnOn() }];
}
