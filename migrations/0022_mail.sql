-- Mail: workers deliver what is in the queue.

ALTER TABLE easel.server
	ADD queue_workers integer NOT NULL DEFAULT 2 CHECK (queue_workers BETWEEN 0 AND 64),
	ADD send_retries interval[] NOT NULL DEFAULT '{1 min, 2 min, 5 min, 15 min, 30 min, 1 hour, 2 hours, 4 hours}'
		CHECK (cardinality(send_retries) > 0 AND interval '1 s' <= ALL (send_retries));
COMMENT ON COLUMN easel.server.queue_workers IS 'How many workers deliver what is in the queue at the same time; 0: none does, easel-queue has to.';
COMMENT ON COLUMN easel.server.send_retries IS 'How long a message that was refused for now waits before it is tried again: after the first attempt, after the second …; the last one holds from then on, until send_patience is over.';

CREATE FUNCTION easel.queue_pause(attempts integer) RETURNS interval LANGUAGE sql STABLE AS $$
	SELECT s.send_retries[least(greatest(queue_pause.attempts, 1), cardinality(s.send_retries))] FROM easel.server s
$$;
COMMENT ON FUNCTION easel.queue_pause(integer) IS 'How long a message waits after so many attempts.';

CREATE FUNCTION easel.queue_lane() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	lanes integer := (SELECT s.queue_workers FROM easel.server s);
BEGIN
	FOR lane IN 1 .. lanes LOOP
		IF pg_try_advisory_lock(435459553, lane) THEN
			RETURN lane;
		END IF;
	END LOOP;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.queue_lane() IS 'Gets one of the lanes in which workers deliver, for as long as the connection lasts; NULL: all are taken.';
