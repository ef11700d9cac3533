-- Which messages of an Inbox on an IMAP server were looked at for meetings.

ALTER TABLE easel.imap_folder ADD looked bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN easel.imap_folder.looked IS 'Of an Inbox: messages with uids below were looked at for invitations, which come into the calendar.';
