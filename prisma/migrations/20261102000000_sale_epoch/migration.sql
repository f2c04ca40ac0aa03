-- AlterTable
-- The fence of a rebuild. A worker may hold grants of the sale's life before: committed after the rebuild has read the tickets, they would
-- be units and buyers that the new life does not know. Inserting names the life of its grants, and one below this is refused.
ALTER TABLE "sales" ADD COLUMN "epoch" INTEGER NOT NULL DEFAULT 1;
ALTER TABLE "sales" ADD CONSTRAINT "sales_epoch_check" CHECK ("epoch" >= 1);
