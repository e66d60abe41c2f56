import { commandAnchor } from './anchors/command.ts';
import { directoryAnchor } from './anchors/directory.ts';
import { httpAnchor } from './anchors/http.ts';
import { witnessAnchor } from './anchors/witness.ts';
import type { AnchorSettings } from './config/anchors.ts';
import type { Anchor } from './vault/anchor.ts';
import type { AnchorPlace } from './vault/audit/anchoring.ts';

/**
 * The places that settings name. Nothing is asked of them yet.
 * @param user of this process
 */
export const openAnchors = (settings: readonly AnchorSettings[], user: number): AnchorPlace[] =>
  settings.map((one) => ({ anchor: anchorOf(one, user), required: one.required, every: one.every }));

function anchorOf(one: AnchorSettings, user: number): Anchor {
  switch (one.kind) {
    case 'directory':
      return directoryAnchor(one);
    case 'url':
      return httpAnchor(one);
    case 'command':
      return commandAnchor({ ...one, user });
    case 'witness':
      return witnessAnchor(one);
  }
}
