#!/usr/bin/env python3
"""`make faults-proof`: shows that the model test finds each rule of the sync ledger when it is broken.

    proof.py [--jobs N] [WORD …]      only the rules whose name holds one of the words

Each rule is broken in a copy of the sources, by one change of a few lines; the model test is built
from the copy, and has to fail within STEPS steps. A change that does not fit the sources any more,
or does not compile, is an error, and so is a rule that is broken without notice.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = 200000
LEDGER, SYNC, COMMANDS = 'core/ledger.c', 'core/command_sync.c', 'core/sync_commands.c'
MOVES, ITEM, MAIL, ITEMS = 'core/command_moveitems.c', 'core/sync_item.c', 'core/sync_mail.c', 'core/sync_items.c'

# Rule, class, file, what stands there, what takes its place.
RULES = [
    # base, and answers that are outstanding
    ('base: it is what the device has acknowledged', 'Email', LEDGER,
     '\tuidset_add_all(&held, &taken->added);\n\tl->base = taken->state;', '\tl->base = taken->state;'),
    ('base: it outlives an answer until that is acknowledged', 'Email', LEDGER,
     '\tif (key->n == l->base.n)\n\t\treturn KEY_BASE;',
     '\tif (key->n == l->base.n && l->nanswers == 0)\n\t\treturn KEY_BASE;'),
    ('base: a key of another epoch is void', 'Email', LEDGER,
     '!l->base_found || memcmp(l->epoch, key->epoch, SYNCKEY_EPOCH) != 0', '!l->base_found'),
    ('base: key 0 starts with nothing on the device', 'Email', LEDGER,
     '\t\t.held = uidset_new(a),\n\t\t.todo = uidset_new(a),\n\t\t.cutoff = cutoff,',
     '\t\t.held = l->base.held.arena ? l->base.held : uidset_new(a),\n\t\t.todo = uidset_new(a),\n'
     '\t\t.cutoff = cutoff,'),
    ('uidvalidity: other uids are told of afresh', 'Email', SYNC,
     'resolved == KEY_UNKNOWN || l->folder_epoch != l->folder.epoch', 'resolved == KEY_UNKNOWN'),
    ('answers: each has a key that is good', 'Email', LEDGER,
     '\tif (key->n == l->base.n)\n\t\treturn KEY_BASE;',
     '\tif (key->n == l->base.n) {\n\t\tl->nanswers = 0;\n\t\treturn KEY_BASE;\n\t}'),
    ('answers: a key is never used again', 'Email', LEDGER,
     'answer.state.n = ++l->last_n;', 'answer.state.n = l->last_n = l->base.n + 1;'),
    ('answers: what a dropped one put on the device is told again', 'Email', LEDGER,
     'uidset_add_all(todo, &put);', '(void)put;'),
    ('answers: what a dropped one took off the device is told again', 'Email', LEDGER,
     'for (size_t i = 0; i < dropped->taken.n; i++)', 'for (size_t i = 0; i < 0 * dropped->taken.n; i++)'),
    ('answers: what a dropped one was still to tell is told', 'Email', LEDGER,
     '\tuidset_add_all(&put, &dropped->state.todo);\n', ''),
    ('answers: the doubt about the oldest one goes over to the newest', 'Email', LEDGER,
     '\tdoubt(&held, &answer->state.todo, &l->answers[0]);\n', ''),
    ('answers: one without content is one too when another is outstanding', 'Email', SYNC,
     'return col->changes.n || col->asked->commands || col->ledger->nanswers > 0 ||',
     'return col->changes.n || col->asked->commands ||'),
    # held
    ('held: an item of it that is gone is a Delete', 'Email', LEDGER,
     'ok = !held || tell(c, CHANGE_DELETE, item, false, then);', 'ok = true;'),
    ('held: a new item is an Add', 'Email', LEDGER,
     '\telse if (inside && !comes)\n\t\tok = tell(c, CHANGE_ADD, item, false, then);', ''),
    ('held: what is told to be dropped is not held any more', 'Email', LEDGER,
     '\tif (change->kind == CHANGE_SOFTDELETE ||\n\t    (change', '\tif ((change'),
    ('held: a Delete out of its turn is remembered', 'Email', LEDGER,
     '(change->kind == CHANGE_DELETE && change->from_todo)', 'false'),
    # modseq and cut
    ('modseq: an answer goes as far as the folder was looked at', 'Email', LEDGER,
     '\tif (f->modseq > c->at.done.modseq)\n\t\tc->at.done.modseq = f->modseq;',
     '\tc->at.done.modseq = f->modseq + 1;'),
    ('cut: of items with one modseq the rest follows', 'Email', LEDGER,
     'then.done = (struct position){item->modseq, item->uid};',
     'then.done = (struct position){item->modseq, INT64_MAX};'),
    ('cut: an answer stands where its last item was', 'Email', LEDGER,
     '\telse if (kept > 0)\n\t\tat = list->v[kept - 1].after;', '\telse if (kept > 0)\n\t\tat = list->end;'),
    ('cut: by bytes too, and the rest follows', 'Email', SYNC,
     'ledger_answer(c->arena, l, &col->changes, col->kept)',
     'ledger_answer(c->arena, l, &col->changes, col->changes.n)'),
    ('fill: from the newest down with a cursor', 'Email', LEDGER,
     'then.fill = items.v[i].uid;', 'then.fill = items.v[i].uid - 1;'),
    ('fill: what it will bring is not told as a change', 'Email', LEDGER,
     '\telse if (inside && !comes)', '\telse if (inside)'),
    ('fill: what is held is not told again', 'Email', LEDGER,
     'bool known = uidset_has(&c->state->held, items.v[i].uid) ||', 'bool known ='),
    # todo
    ('todo: a refused edit is set back', 'Contacts', COMMANDS,
     '\telse\n\t\tledger_send_again(r->col->ledger, x.id.uid);\n\treturn true;', '\treturn true;'),
    ('todo: a failed delete brings the item back', 'Email', COMMANDS,
     '\t\tledger_bring_back(r->col->ledger, x.id.uid);\n\telse', '\t\treturn true;\n\telse'),
    ('todo: what was deleted comes back whole', 'Email', LEDGER,
     '\tuidset_take(&l->base.held, uid);\n\tfor (size_t i = 0; i < l->nanswers; i++)\n'
     '\t\tuidset_take(&l->answers[i].added, uid);\n\tledger_send_again(l, uid);',
     '\tledger_send_again(l, uid);'),
    ('todo: what was told of it is done', 'Email', LEDGER,
     '\tif (change->from_todo)\n\t\tuidset_take(&answer->state.todo, item->uid);', ''),
    ('todo: it is told in each of the states', 'Email', LEDGER,
     '\tfor (size_t i = 0; i < l->nanswers; i++)\n\t\tuidset_add(&l->answers[i].state.todo, uid);', ''),
    ('todo: told once in an answer', 'Email', LEDGER,
     'if (told_by_todo(c, item) || uidset_has(&c->expired, item->uid))',
     'if (uidset_has(&c->expired, item->uid))'),
    ('todo: what is changed while it is looked up is told as it is', 'Email', LEDGER,
     '\t\trefresh_told(c, item);\n', '\t\tok = true;\n'),
    # echo
    ("echo: the device's own changes are not told to it", 'Email', LEDGER,
     '\tif (known && modseq != before)\n\t\tadd_echo(a, s, uid, modseq);', ''),
    ('echo: only if the device knew what was there before', 'Email', LEDGER,
     'bool known = !after(before, uid, s->done) || is_echo(s, uid, before);', 'bool known = true;'),
    ('echo: what it deleted itself is not told to it', 'Email', COMMANDS,
     '\tif (found == FOUND_ONE)\n\t\tledger_echo(c->arena, x->col->ledger, x->id.uid, 0, gone);\n', ''),
    ('echo: what is told out of its turn is not told again in it', 'Email', LEDGER,
     '\tif (!item->gone && after(item->modseq, item->uid, answer->state.done))\n'
     '\t\tadd_echo(a, &answer->state, item->uid, item->modseq);\n', ''),
    ('echo: what the device made is not told to it', 'Contacts', LEDGER,
     'ledger_moved_in(a, l, uid, modseq, known ? HOLDS : HOLDS_OLD);',
     'ledger_moved_in(a, l, uid, modseq, HOLDS_OLD);'),
    # canary
    ('canary: modseqs that fell are seen', 'Email', LEDGER,
     '*out = c->ledger->folder.modseq < s->done.modseq;', '*out = false;'),
    ('canary: and when they have risen again', 'Email', LEDGER,
     '*out = !items.v[0].gone && items.v[0].modseq < s->canary_modseq;', '*out = false;'),
    ('canary: then all is checked again', 'Email', LEDGER,
     '\tuidset_add_all(&s->todo, &s->held);\n\ts->done', '\ts->done'),
    # recorded commands
    ('commands: a repeated one is not done twice', 'Email', COMMANDS,
     'if (str_eq(r->done[i].reference, reference) && str_eq(r->done[i].digest, digest))', 'if (false)'),
    ('commands: another content is another edit', 'Email', COMMANDS,
     'str_eq(r->done[i].reference, reference) && str_eq(r->done[i].digest, digest)',
     'str_eq(r->done[i].reference, reference)'),
    ('commands: the same once more in one request is another edit', 'Email', COMMANDS,
     'before += str_eq(r->digests[i], r->digests[place]);', 'before += 0 * i;'),
    ('commands: under another key it is another edit', 'Email', COMMANDS,
     'r->col->ledger->base.n, &stored, &r->nbefore', '1, &stored, &r->nbefore',),
    ('commands: they are recorded with what they did', 'Email', COMMANDS,
     'if (r->ndone > r->nbefore &&', 'if (false &&'),
    ('adds: one of a week is a repeat, across key 0 too', 'Contacts', COMMANDS,
     'added && added->server_id.n ? add_known(r, response, added) : FOUND_NONE', 'FOUND_NONE'),
    ('adds: the device is told of what became of it since', 'Contacts', COMMANDS,
     '!item.gone && item.modseq == x->added->modseq', 'true'),
    ('adds: found by its name when uids have changed', 'Contacts', COMMANDS,
     '\tenum found found = sync_item_find_added(x);\n', '\tenum found found = FOUND_NONE;\n'),
    ('adds: not made again when it was moved before uids changed', 'Tasks', COMMANDS,
     'found == FOUND_NONE ? sync_item_find_elsewhere(x) : found', 'found'),
    # intents
    ('intents: they are noted before a store acts that undoes nothing', 'Contacts', COMMANDS,
     '\tcol->adds = r.added;\n\treturn record_added(&r);', '\treturn true;'),
    ('intents: an unresolved one is looked for', 'Contacts', ITEM,
     'x->col->ledger->folder.class == CLASS_CALENDAR || x->added->repeated',
     'x->col->ledger->folder.class == CLASS_CALENDAR'),
    ('intents: and elsewhere too', 'Tasks', ITEM,
     'if (found == FOUND_NONE && x->added->repeated)', 'if (false)'),
    # claims
    ('claims: what was read before the claim is read again', 'Email', SYNC,
     '\tif (!load(c, s))\n\t\treturn false;\n\tif (adds', '\tif (!s->v && !load(c, s))\n\t\treturn false;\n\tif (adds'),
    ('claims: nothing is written when one was lost', 'Email', SYNC,
     'pg_connection(c->session->db) == s->claimed ||', 'true ||'),
    # moves, and what was moved
    ('moves: a repeated one is answered as it was', 'Email', MOVES,
     'if (item->known && item->to.folder == m->to)', 'if (false)'),
    ('moves: they are recorded', 'Email', MOVES,
     'return save_ledgers(c, s) && record(c, s) && pg_commit(db, &c->err);',
     'return save_ledgers(c, s) && pg_commit(db, &c->err);'),
    ('moves: the folder that it left does not tell of it', 'Email', MOVES,
     '\tledger_moved_out(c->arena, source, old->uid, gone);\n', ''),
    ('moves: the folder where it came does not tell of it', 'Email', MOVES,
     '\tledger_moved_in(c->arena, target, moved->uid, moved->modseq, holding);\n', ''),
    ('moves: what the device knew less of is told where it came', 'Email', MOVES,
     'ledger_moved_in(c->arena, target, moved->uid, moved->modseq, holding);',
     'ledger_moved_in(c->arena, target, moved->uid, moved->modseq, holding == HOLDS_NOT ? HOLDS_NOT : HOLDS);'),
    ('moves: what an answer may have put on the device is held where it was', 'Email', LEDGER,
     '\tif (shown)\n\t\tuidset_add(&l->base.held, uid);\n', ''),
    ('moves: no answer tells of what has left', 'Email', LEDGER,
     '\tforget(l, uid);\n\tif (shown)', '\tif (shown)'),
    ('taken: an answer that may have taken an item leaves it in doubt', 'Email', MOVES,
     '\t\tif (uidset_has(&l->answers[i].taken, uid))\n\t\t\treturn true;', ''),
    ('taken: an item in doubt is told whole where it came', 'Email', MOVES,
     '\tif (!certain)\n\t\tledger_bring_back(target, moved->uid);\n\telse if', '\tif'),
    ('moved_item: one that has gone on is told to be gone', 'Email', MOVES,
     '\tif (m->status == MOVE_NO_SOURCE && item->known)\n\t\ttake_back(s, item->from);\n', ''),
    ('moved_item: what became of it since is told', 'Email', MOVES,
     'if (afresh || !same || holds_for_certain(l, item->to.uid, item->modseq) != HOLDS) {', 'if (false) {'),
    ('moved_item: a device that has started afresh is told of all of it', 'Email', MOVES,
     'bool afresh = !shows(s, item);', 'bool afresh = false;'),
    ('moved_item: out of the filter it is taken off the device', 'Email', MOVES,
     '\telse if (outside)\n\t\tledger_send_again(target, moved->uid);\n', ''),
    ('moved_item: its version stays known, so that an edit is no conflict', 'Email', MOVES,
     'if (version && holding != HOLDS)', 'if (false)'),
    # windows
    ("windows: a folder's is kept", 'Email', SYNC,
     '\tif (col->asked->window < most)\n\t\tmost = col->asked->window;\n', ''),
    ('windows: the one of all folders is kept', 'Email', SYNC,
     '\t*window -= col->changes.n;\n', ''),
    ('windows: what has no room is said to be there', 'Email', SYNC,
     '\tif (col->changes.more || col->kept < col->changes.n)\n\t\twbxml_empty(&c->out, AirSync_MoreAvailable);\n',
     ''),
    # filter
    ('filter: what falls out of it is a SoftDelete', 'Email', LEDGER,
     'tell(c, inside ? CHANGE_CHANGE : CHANGE_SOFTDELETE, item, false, then)',
     'tell(c, CHANGE_CHANGE, item, false, then)'),
    ('filter: its start moves', 'Email', LEDGER,
     'bool more = c->cutoff > c->at.cutoff && !uidset_empty(&c->state->held);', 'bool more = false;'),
    ('filter: a wider one fills again', 'Email', LEDGER,
     '\t\ts->cutoff = cutoff;\n\t\ts->fill = INT64_MAX;', '\t\ts->cutoff = cutoff;'),
    ('filter: what is moved out of it is told to be dropped', 'Tasks', ITEM,
     'if (!held || item->date < x->col->cutoff || went_on(x, item) || x->has_more)', 'if (false)'),
    # conflict
    ("conflict: the server's version wins", 'Contacts', ITEM,
     'x->col->options.conflict == CONFLICT_SERVER &&', 'false &&'),
    ("conflict: the client's wins when it is to", 'Contacts', ITEM,
     'x->col->options.conflict == CONFLICT_SERVER &&', 'true &&'),
    ("conflict: the server's marks of a message win", 'Email', MAIL,
     'return email_change_has_marks(change) && x->col->options.conflict == CONFLICT_SERVER &&',
     'return false &&'),
    ("conflict: the client's marks win when they are to", 'Email', MAIL,
     'return email_change_has_marks(change) && x->col->options.conflict == CONFLICT_SERVER &&',
     'return email_change_has_marks(change) &&'),
    # what Ping and GetItemEstimate say
    ('estimate: what a lookup tells is counted', 'Email', LEDGER,
     'for (size_t i = 0; i < items.n && !c->full; i++) {\n\t\tconst struct item *item = &items.v[i];',
     'for (size_t i = 0; i < items.n && !c->full && c->out; i++) {\n\t\tconst struct item *item = &items.v[i];'),
    ('quiet: something to tell is not passed over', 'Email', LEDGER,
     's->fill == 0 && uidset_empty(&s->todo) && s->cutoff == cutoff &&', 's->fill == 0 && s->cutoff == cutoff &&'),
]


class ProofError(Exception):
    """A proof that can't be made."""


def copy_sources(to):
    """What the model test is built of."""
    for name in ('core', 'store', 'wbxml', 'fcgi'):
        shutil.copytree(ROOT / name, to / name)
    for name in ('test/unit', 'test/faults', 'test/bench'):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(ROOT / 'Makefile', to)


def build(tree, jobs):
    """Builds the model test. A broken rule may leave something unused, which is no error here."""
    done = subprocess.run(['make', '-s', f'-j{jobs}', 'WARN=-std=c11 -w', 'OPT=-O1', 'build/unit/test_faults'],
                          cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProofError(f'it does not compile: {done.stderr[-600:]}')


def run(tree, kind):
    """Runs the model test until it fails; what it found, or None."""
    done = subprocess.run([tree / 'build/unit/test_faults', '--class', kind, '--seed', '1', '--total', str(STEPS),
                           '--first'], capture_output=True, text=True, check=False, timeout=900)
    found = re.search(r'seed (\d+), step (\d+): (.*)', done.stdout)
    if found:
        return f'step {400 * (int(found[1]) - 1) + int(found[2]):,}: {found[3]}'
    return f'it died with {done.returncode}' if done.returncode else None


def break_rule(tree, file, old, new):
    """Puts the broken rule into the copy; returns what stood there."""
    text = (tree / file).read_text()
    if text.count(old) != 1:
        raise ProofError(f'{file} has the rule {text.count(old)} times: this proof needs a look')
    (tree / file).write_text(text.replace(old, new))
    return text


def prove(tree, rule, jobs):
    """What the model found once the rule was broken."""
    _, kind, file, old, new = rule
    whole = break_rule(tree, file, old, new)
    try:
        build(tree, jobs)
        found = run(tree, kind)
    finally:
        (tree / file).write_text(whole)
    if not found:
        raise ProofError(f'{STEPS:,} steps found nothing')
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('words', nargs='*')
    wish = parser.parse_args()
    rules = [rule for rule in RULES if not wish.words or any(word in rule[0] for word in wish.words)]
    failed, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix='easel-proof-') as folder:
        tree = Path(folder)
        copy_sources(tree)
        build(tree, wish.jobs)
        for rule in rules:
            try:
                print(f'ok     {rule[0]}  ({prove(tree, rule, wish.jobs)})', flush=True)
            except ProofError as error:
                failed += 1
                print(f'FAILED {rule[0]}: {error}', flush=True)
    print(f'{len(rules) - failed} of {len(rules)} broken rules found, in {time.monotonic() - began:.0f} s')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
