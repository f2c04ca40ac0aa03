-- AlterTable
-- Which life began with the latest reset: a grant of an earlier one is undone by it.
ALTER TABLE "sales" ADD COLUMN "reset_epoch" INTEGER NOT NULL DEFAULT 0;
-- Until now a reset put the epoch back to 1 while Redis counted on, so a Redis may hold a later life than Postgres: grants of that life would
-- pass the fence of the next rebuild. A leap above every life that Redis can have reached makes the workers rebuild each sale once.
UPDATE "sales" SET "epoch" = "epoch" + 1000000;
