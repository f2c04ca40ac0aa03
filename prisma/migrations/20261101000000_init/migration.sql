-- CreateTable
CREATE TABLE "sales" (
    "id" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "stock" INTEGER NOT NULL,
    "per_buyer_limit" INTEGER NOT NULL DEFAULT 1,
    "mode" TEXT NOT NULL DEFAULT 'queue',
    "status" TEXT NOT NULL DEFAULT 'open',
    "generation" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sales_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "sales_stock_check" CHECK ("stock" BETWEEN 1 AND 10000000),
    CONSTRAINT "sales_per_buyer_limit_check" CHECK ("per_buyer_limit" BETWEEN 1 AND 10),
    CONSTRAINT "sales_mode_check" CHECK ("mode" IN ('queue', 'shed')),
    CONSTRAINT "sales_status_check" CHECK ("status" IN ('open', 'closed')),
    CONSTRAINT "sales_generation_check" CHECK ("generation" >= 1)
);

-- CreateTable
-- The checks are what refuses a unit beyond the stock; "stock" itself is the sale's, by the foreign key below.
CREATE TABLE "tickets" (
    "sale_id" TEXT NOT NULL,
    "unit_no" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "stock" INTEGER NOT NULL,
    "reservation_id" TEXT NOT NULL,
    "item_no" SMALLINT NOT NULL DEFAULT 1,
    "user_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tickets_pkey" PRIMARY KEY ("sale_id", "unit_no"),
    CONSTRAINT "tickets_unit_no_check" CHECK ("unit_no" BETWEEN 1 AND "stock"),
    CONSTRAINT "tickets_item_no_check" CHECK ("item_no" BETWEEN 1 AND 10)
);

-- CreateIndex
CREATE UNIQUE INDEX "sales_id_generation_stock_key" ON "sales"("id", "generation", "stock");

-- CreateIndex
CREATE UNIQUE INDEX "tickets_reservation_id_item_no_key" ON "tickets"("reservation_id", "item_no");

-- AddForeignKey
-- A ticket can only name the generation and the stock that its sale has now, and the sale can't change either while tickets exist:
-- a worker that missed a reset can't sell into the new sale, and nobody can raise the stock behind sold tickets.
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_sale_id_generation_stock_fkey" FOREIGN KEY ("sale_id", "generation", "stock") REFERENCES "sales"("id", "generation", "stock") ON DELETE RESTRICT ON UPDATE RESTRICT;
