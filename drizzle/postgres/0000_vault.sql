CREATE TABLE "claims" (
	"owner" text COLLATE "C" NOT NULL,
	"key" "bytea" NOT NULL,
	"body" "bytea" NOT NULL,
	"rows" "bytea" NOT NULL,
	"at" bigint NOT NULL,
	"mac" "bytea" NOT NULL,
	CONSTRAINT "claims_owner_key_pk" PRIMARY KEY("owner","key")
);
--> statement-breakpoint
CREATE TABLE "clients" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"kind" text COLLATE "C" NOT NULL,
	"key_id" text COLLATE "C" NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"key_at" bigint NOT NULL,
	"prior_key_id" text COLLATE "C",
	"prior_key_hash" "bytea",
	"prior_key_at" bigint,
	"prior_key_until" bigint,
	"sources" text COLLATE "C" NOT NULL,
	"state" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "collections" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"shape" text COLLATE "C" NOT NULL,
	"created_at" bigint NOT NULL,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "earlier" (
	"row" "bytea" PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"cell" "bytea" NOT NULL,
	"key_id" text COLLATE "C" NOT NULL,
	"until" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "events" (
	"index" bigint PRIMARY KEY NOT NULL,
	"bytes" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "fingerprints" (
	"collection" text COLLATE "C" NOT NULL,
	"fingerprint" "bytea" NOT NULL,
	"row" "bytea" NOT NULL,
	"key_id" text COLLATE "C" NOT NULL,
	"mac" "bytea" NOT NULL,
	CONSTRAINT "fingerprints_collection_fingerprint_pk" PRIMARY KEY("collection","fingerprint")
);
--> statement-breakpoint
CREATE TABLE "grants" (
	"client" text COLLATE "C" NOT NULL,
	"grant" text COLLATE "C" NOT NULL,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL,
	CONSTRAINT "grants_client_grant_pk" PRIMARY KEY("client","grant")
);
--> statement-breakpoint
CREATE TABLE "head" (
	"only" bigint PRIMARY KEY NOT NULL,
	"vault" text COLLATE "C" NOT NULL,
	"environment" text COLLATE "C" NOT NULL,
	"standing" text COLLATE "C" NOT NULL,
	"size" bigint NOT NULL,
	"frontier" "bytea" NOT NULL,
	"epoch" bigint NOT NULL,
	"changes" bigint NOT NULL,
	"last_at" bigint NOT NULL,
	"digests" "bytea" NOT NULL,
	"mac" "bytea" NOT NULL,
	CONSTRAINT "head_only" CHECK ("head"."only" = 1)
);
--> statement-breakpoint
CREATE TABLE "issued" (
	"collection" text COLLATE "C" NOT NULL,
	"hash" "bytea" NOT NULL,
	"row" "bytea" NOT NULL,
	"ended" bigint,
	"at" bigint NOT NULL,
	CONSTRAINT "issued_collection_hash_pk" PRIMARY KEY("collection","hash")
);
--> statement-breakpoint
CREATE TABLE "keys" (
	"id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"collection" text COLLATE "C",
	"use" text COLLATE "C" NOT NULL,
	"version" bigint NOT NULL,
	"state" text COLLATE "C" NOT NULL,
	"master_key" text COLLATE "C" NOT NULL,
	"wrapped" "bytea" NOT NULL,
	"commitment" "bytea" NOT NULL,
	"created_at" bigint NOT NULL,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"name" text COLLATE "C" PRIMARY KEY NOT NULL,
	"holder" text COLLATE "C" NOT NULL,
	"until" bigint NOT NULL,
	"revision" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "lookups" (
	"collection" text COLLATE "C" NOT NULL,
	"fingerprint" "bytea" NOT NULL,
	"row" "bytea" NOT NULL,
	"key_id" text COLLATE "C" NOT NULL,
	"mac" "bytea" NOT NULL,
	CONSTRAINT "lookups_collection_fingerprint_row_pk" PRIMARY KEY("collection","fingerprint","row")
);
--> statement-breakpoint
CREATE TABLE "policies" (
	"number" bigint PRIMARY KEY NOT NULL,
	"text" text COLLATE "C" NOT NULL,
	"at" bigint NOT NULL,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "restrictions" (
	"client" text COLLATE "C" NOT NULL,
	"restriction" text COLLATE "C" NOT NULL,
	"until" bigint,
	"reason" text COLLATE "C",
	"by" text COLLATE "C" NOT NULL,
	"at" bigint NOT NULL,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL,
	CONSTRAINT "restrictions_client_restriction_pk" PRIMARY KEY("client","restriction")
);
--> statement-breakpoint
CREATE TABLE "subjects" (
	"hash" "bytea" PRIMARY KEY NOT NULL,
	"id" text COLLATE "C" NOT NULL,
	"cell" "bytea" NOT NULL,
	"key_id" text COLLATE "C" NOT NULL,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "uses" (
	"key_id" text COLLATE "C" PRIMARY KEY NOT NULL,
	"client" text COLLATE "C" NOT NULL,
	"at" bigint NOT NULL,
	"mac" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "values" (
	"row" "bytea" PRIMARY KEY NOT NULL,
	"collection" text COLLATE "C" NOT NULL,
	"token" text COLLATE "C" NOT NULL,
	"cell" "bytea" NOT NULL,
	"metadata" "bytea",
	"key_id" text COLLATE "C" NOT NULL,
	"version" bigint NOT NULL,
	"subject" text COLLATE "C",
	"expires_at" bigint,
	"creator" text COLLATE "C" NOT NULL
);
--> statement-breakpoint
CREATE INDEX "claims_at" ON "claims" USING btree ("at");--> statement-breakpoint
CREATE INDEX "earlier_until" ON "earlier" USING btree ("until");--> statement-breakpoint
CREATE UNIQUE INDEX "subjects_id" ON "subjects" USING btree ("id");--> statement-breakpoint
CREATE INDEX "values_expire" ON "values" USING btree ("expires_at") WHERE "values"."expires_at" is not null;
--> statement-breakpoint
CREATE TABLE "checkpoints" (
	"slot" bigint PRIMARY KEY NOT NULL,
	"size" bigint NOT NULL,
	"at" bigint NOT NULL,
	"note" text COLLATE "C" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "followers" (
	"name" text COLLATE "C" PRIMARY KEY NOT NULL,
	"holder" text COLLATE "C" NOT NULL,
	"until" bigint NOT NULL,
	"cursor" bigint NOT NULL,
	"frontier" "bytea" NOT NULL,
	"state" "bytea" NOT NULL,
	"revision" bigint NOT NULL,
	"mac" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tiles" (
	"level" bigint NOT NULL,
	"index" bigint NOT NULL,
	"hashes" "bytea" NOT NULL,
	CONSTRAINT "tiles_level_index_pk" PRIMARY KEY("level","index")
);
