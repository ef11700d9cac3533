-- Sync: an Add is known by its item's UID, and noted before it is done; a move that is repeated tells what became of
-- the item meanwhile.

ALTER TABLE easel.sync_add ALTER COLUMN server_id DROP NOT NULL, ADD COLUMN name text CHECK (name <> '');
COMMENT ON COLUMN easel.sync_add.server_id IS 'The ServerId that the item was given; NULL: it was about to be added, outside the database, and nobody has seen what came of it.';
COMMENT ON COLUMN easel.sync_add.name IS 'UID of the item, by which it is found again; NULL: it has none.';

ALTER TABLE easel.moved_item ADD COLUMN to_modseq bigint NOT NULL DEFAULT 0, ADD COLUMN sync_epoch bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN easel.moved_item.to_modseq IS 'Modseq of the item there, as the device has it: when it is another one, a repeat of the move tells of the item again. 0: it may have it otherwise.';
COMMENT ON COLUMN easel.moved_item.sync_epoch IS 'Random part of the SyncKey that the folder had then (easel.sync_base.epoch): with another one the device has started afresh since, and holds nothing of what it had there. 0: not known.';
