CREATE TABLE `claims` (
	`owner` text NOT NULL,
	`key` blob NOT NULL,
	`body` blob NOT NULL,
	`rows` blob NOT NULL,
	`at` integer NOT NULL,
	`mac` blob NOT NULL,
	PRIMARY KEY(`owner`, `key`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `claims_at` ON `claims` (`at`);--> statement-breakpoint
CREATE TABLE `clients` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`kind` text NOT NULL,
	`key_id` text NOT NULL,
	`key_hash` blob NOT NULL,
	`key_at` integer NOT NULL,
	`prior_key_id` text,
	`prior_key_hash` blob,
	`prior_key_at` integer,
	`prior_key_until` integer,
	`sources` text NOT NULL,
	`state` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `collections` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`shape` text NOT NULL,
	`created_at` integer NOT NULL,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `earlier` (
	`row` blob PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`cell` blob NOT NULL,
	`key_id` text NOT NULL,
	`until` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `earlier_until` ON `earlier` (`until`);--> statement-breakpoint
CREATE TABLE `events` (
	`index` integer PRIMARY KEY NOT NULL,
	`bytes` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `fingerprints` (
	`collection` text NOT NULL,
	`fingerprint` blob NOT NULL,
	`row` blob NOT NULL,
	`key_id` text NOT NULL,
	`mac` blob NOT NULL,
	PRIMARY KEY(`collection`, `fingerprint`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `grants` (
	`client` text NOT NULL,
	`grant` text NOT NULL,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL,
	PRIMARY KEY(`client`, `grant`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `head` (
	`only` integer PRIMARY KEY NOT NULL,
	`vault` text NOT NULL,
	`environment` text NOT NULL,
	`standing` text NOT NULL,
	`size` integer NOT NULL,
	`frontier` blob NOT NULL,
	`epoch` integer NOT NULL,
	`changes` integer NOT NULL,
	`last_at` integer NOT NULL,
	`digests` blob NOT NULL,
	`mac` blob NOT NULL,
	CONSTRAINT "head_only" CHECK("head"."only" = 1)
);
--> statement-breakpoint
CREATE TABLE `issued` (
	`collection` text NOT NULL,
	`hash` blob NOT NULL,
	`row` blob NOT NULL,
	`ended` integer,
	`at` integer NOT NULL,
	PRIMARY KEY(`collection`, `hash`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `keys` (
	`id` text PRIMARY KEY NOT NULL,
	`collection` text,
	`use` text NOT NULL,
	`version` integer NOT NULL,
	`state` text NOT NULL,
	`master_key` text NOT NULL,
	`wrapped` blob NOT NULL,
	`commitment` blob NOT NULL,
	`created_at` integer NOT NULL,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `leases` (
	`name` text PRIMARY KEY NOT NULL,
	`holder` text NOT NULL,
	`until` integer NOT NULL,
	`revision` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `lookups` (
	`collection` text NOT NULL,
	`fingerprint` blob NOT NULL,
	`row` blob NOT NULL,
	`key_id` text NOT NULL,
	`mac` blob NOT NULL,
	PRIMARY KEY(`collection`, `fingerprint`, `row`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `policies` (
	`number` integer PRIMARY KEY NOT NULL,
	`text` text NOT NULL,
	`at` integer NOT NULL,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `restrictions` (
	`client` text NOT NULL,
	`restriction` text NOT NULL,
	`until` integer,
	`reason` text,
	`by` text NOT NULL,
	`at` integer NOT NULL,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL,
	PRIMARY KEY(`client`, `restriction`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `subjects` (
	`hash` blob PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`cell` blob NOT NULL,
	`key_id` text NOT NULL,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `subjects_id` ON `subjects` (`id`);--> statement-breakpoint
CREATE TABLE `uses` (
	`key_id` text PRIMARY KEY NOT NULL,
	`client` text NOT NULL,
	`at` integer NOT NULL,
	`mac` blob NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `values` (
	`row` blob PRIMARY KEY NOT NULL,
	`collection` text NOT NULL,
	`token` text NOT NULL,
	`cell` blob NOT NULL,
	`metadata` blob,
	`key_id` text NOT NULL,
	`version` integer NOT NULL,
	`subject` text,
	`expires_at` integer,
	`creator` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `values_expire` ON `values` (`expires_at`) WHERE "values"."expires_at" is not null;
--> statement-breakpoint
CREATE TABLE `checkpoints` (
	`slot` integer PRIMARY KEY NOT NULL,
	`size` integer NOT NULL,
	`at` integer NOT NULL,
	`note` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `followers` (
	`name` text PRIMARY KEY NOT NULL,
	`holder` text NOT NULL,
	`until` integer NOT NULL,
	`cursor` integer NOT NULL,
	`frontier` blob NOT NULL,
	`state` blob NOT NULL,
	`revision` integer NOT NULL,
	`mac` blob NOT NULL
);
--> statement-breakpoint
CREATE TABLE `tiles` (
	`level` integer NOT NULL,
	`index` integer NOT NULL,
	`hashes` blob NOT NULL,
	PRIMARY KEY(`level`, `index`)
);
