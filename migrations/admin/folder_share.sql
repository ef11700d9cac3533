-- Shares a folder, or takes that back, and shows who may do what in it.
--   psql -v owner=anna@example.org -v folder='Calendar\Team' -v whom=ben@example.org -v rights=write -f folder_share.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'folder_share.sql shares a folder, or takes that back, and shows who may do what in it.'
	\echo '  -v owner=ADDRESS   whose folder it is; .public@DOMAIN for a public folder'
	\echo '  -v folder=PATH     its path, with a backslash between names'
	\echo '  -v whom=WHOM       an address, the name of a group, @DOMAIN, or * for everybody;'
	\echo '                     without it nothing is changed'
	\echo '  -v rights=RIGHTS   read (which holds when it is left out), write, manage, none to take them back,'
	\echo '                     or a list of: look up, read, write, insert, delete, administer'
	\echo '  -v below=true      in the folders below it too'
	\quit
\endif
\if :{?owner}
\else
	DO $$ BEGIN RAISE EXCEPTION 'whose folder? -v owner=anna@example.org' USING HINT = '-v help=1'; END $$;
\endif
\if :{?folder}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which folder? -v folder=Calendar' USING HINT = '-v help=1'; END $$;
\endif
\if :{?rights}
\else
	\set rights read
\endif
\if :{?below}
\else
	\set below false
\endif
\if :{?whom}
	SELECT CASE WHEN :'rights' = 'none' THEN easel.folder_unshare(:'owner', :'folder', :'whom')::text
	       ELSE easel.folder_share(:'owner', :'folder', :'whom', :'rights', :'below')::text END AS done
	\gset
\endif
SELECT whom, rights, below FROM easel.folder_sharing
WHERE owner = lower(:'owner') AND lower(folder) = lower(:'folder') ORDER BY whom;
