BEGIN TRANSACTION;
CREATE TABLE attempts (
        token    TEXT PRIMARY KEY,
        key      TEXT NOT NULL,
        scope    TEXT NOT NULL,
        project  TEXT NOT NULL,
        sequence TEXT NOT NULL,
        shot     TEXT NOT NULL,
        generator TEXT NOT NULL,
        model    TEXT NOT NULL,
        account  TEXT NOT NULL,
        phase    TEXT NOT NULL CHECK (phase IN ('intended', 'submitted', 'ready', 'fetched', 'refused',
                                                'failed', 'unknown', 'abandoned', 'lost')),
        reserved INTEGER CHECK (reserved >= 0),
        cost     INTEGER CHECK (cost >= 0),
        task     TEXT NOT NULL DEFAULT '',
        results  TEXT NOT NULL DEFAULT '[]',
        digest   TEXT NOT NULL DEFAULT '',
        facts    TEXT NOT NULL DEFAULT '{}',
        identity TEXT NOT NULL DEFAULT '{}',
        note     TEXT NOT NULL DEFAULT '',
        created  REAL NOT NULL,
        updated  REAL NOT NULL,
        CHECK (phase NOT IN ('submitted', 'ready', 'fetched') OR task <> ''),
        CHECK (phase <> 'fetched' OR digest <> '')
    ) STRICT;
INSERT INTO "attempts" VALUES('29d551b6bf2947e7bf7fab2498f5d030','970d4c9552684a0d0bd2dd13e5036877ce73a55aec7e5cf1110fc26a9f0436b9','2d83214d729e2889f6fc7cbf682dd2fb0db8d7e41504f95c56bd7c7fa3f1a8e9','paid','main','one','fake','','b78c8824ca42','fetched',100000,100000,'task-1','[["http://127.0.0.1:43513/files/task-1.mp4?address=6&expires=1795716448.123&signature=0b5608161a6922ca8485c549", "2026-11-26T18:07:28.122653+00:00"]]','097f3a6136c0f7515327a63740c41879570b5b72abc13ce7403d86b44ac7a328','{"how": "text", "clip": {"bytes": 2604, "facts": {"codec": "h264", "width": 64, "height": 36, "fps": "8", "frames": 4, "duration_s": 0.5, "audio": null, "drift": {"luma": -0.01, "chroma": 0.03, "hue_deg": 0.0}}}, "adherence": null, "warnings": []}','{"version": 1, "generator": "fake", "key_version": 1, "options": {}, "model": null, "prompt": "a quiet lake", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": null, "params": {}, "starts_from": null}','',1795712847.90961,1.79571284814775633813e+09);
INSERT INTO "attempts" VALUES('20b8cf3dec484eb98a84f5f695e4cacb','bed8ebd489c91bb56ab0539c7d2f6d2c8ed25f418ef53b40b2e9811a5e538791','2d83214d729e2889f6fc7cbf682dd2fb0db8d7e41504f95c56bd7c7fa3f1a8e9','paid','other','failed','fake','','b78c8824ca42','failed',100000,0,'task-2','[]','','{"how": "text"}','{"version": 1, "generator": "fake", "key_version": 1, "options": {}, "model": null, "prompt": "rain", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": null, "params": {}, "starts_from": null}','the model gave up',1.7957128479097971916e+09,1.7957128479294183254e+09);
INSERT INTO "attempts" VALUES('da2efac8f2d14c4aaf3cacc28d8c2183','53d865e66fc4fa180b9c1c406896ef62545fc46c40ae7d212ff1f7002956b697','2d83214d729e2889f6fc7cbf682dd2fb0db8d7e41504f95c56bd7c7fa3f1a8e9','paid','other','unknown','fake','','b78c8824ca42','unknown',100000,NULL,'','[]','','{"how": "text"}','{"version": 1, "generator": "fake", "key_version": 1, "options": {}, "model": null, "prompt": "fog", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": null, "params": {}, "starts_from": null}','it is not known if the provider took the shot: no answer came: RemoteProtocolError: Server disconnected',1.7957128479099071026e+09,1.79571284845287275312e+09);
INSERT INTO "attempts" VALUES('a61ff905ef3049c0b4559316d9f3a1d7','a32723159658a0c38a94d50d11743843b58686b60dc73bf69688092609f99252','2d83214d729e2889f6fc7cbf682dd2fb0db8d7e41504f95c56bd7c7fa3f1a8e9','paid','main','two','fake','','b78c8824ca42','fetched',100000,100000,'task-4','[["http://127.0.0.1:43513/files/task-4.mp4?address=2&expires=1795716448.195&signature=31aba0f30779d97726f3770f", "2026-11-26T18:07:28.195303+00:00"]]','f2525b0aab8a4288f676fd04a29b7a483a41dab8ee763da51c16732a5a80fada','{"how": "image", "first_frame": {"sha256": "8e6998ab4f3d8209a2ff6ad16c48ab00f40c7e0334e66b0dac3d5459b74395f0", "bytes": 2443, "ending": "png", "facts": {"width": 64, "height": 36, "time_s": 0.375, "method": "pyav tail"}}, "clip": {"bytes": 4213, "facts": {"codec": "h264", "width": 64, "height": 36, "fps": "8", "frames": 4, "duration_s": 0.5, "audio": null, "drift": {"luma": 0.0, "chroma": 0.0, "hue_deg": 0.0}}}, "adherence": {"verdict": "locked", "psnr_db": 49.38, "repeats": 0, "zoom": 1.0, "doubled": true}, "warnings": []}','{"version": 1, "generator": "fake", "key_version": 1, "options": {}, "model": null, "prompt": "wind", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": null, "params": {}, "starts_from": {"hand_over": "last", "of": "970d4c9552684a0d0bd2dd13e5036877ce73a55aec7e5cf1110fc26a9f0436b9"}}','',1.79571284816271924968e+09,1.7957128482067840099e+09);
INSERT INTO "attempts" VALUES('657058713bf34b6d946214dd47b2fde0','bed8ebd489c91bb56ab0539c7d2f6d2c8ed25f418ef53b40b2e9811a5e538791','efedbeca5dec3c90cef06a336216d0cd0dd5d4d533aa630e611b38683be07dc1','paid','other','failed','fake','','b78c8824ca42','failed',100000,0,'task-5','[]','','{"how": "text"}','{"version": 1, "generator": "fake", "key_version": 1, "options": {}, "model": null, "prompt": "rain", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": null, "take": 1, "names": null, "params": {}, "starts_from": null}','the model gave up',1.79571284845281505587e+09,1.79571284846142840388e+09);
INSERT INTO "attempts" VALUES('8fa4814a2f844a8f9df7093edac0b80e','2a9b75edc94e70eed2d4468e638fed128a658618fd4130d807aa37ffba07ace7','efedbeca5dec3c90cef06a336216d0cd0dd5d4d533aa630e611b38683be07dc1','paid','main','two','fake','','b78c8824ca42','fetched',100000,100000,'task-6','[["http://127.0.0.1:43513/files/task-6.mp4?address=2&expires=1795716448.494&signature=10b329a0fac4fac19aee5f7f", "2026-11-26T18:07:28.494037+00:00"]]','f60a90ceade5c6ef711b89d26bb2775c365ff7902cce5a077c186a3be9664c2b','{"how": "image", "first_frame": {"sha256": "8e6998ab4f3d8209a2ff6ad16c48ab00f40c7e0334e66b0dac3d5459b74395f0", "bytes": 2443, "ending": "png", "facts": {"width": 64, "height": 36, "time_s": 0.375, "method": "pyav tail"}}, "clip": {"bytes": 4976, "facts": {"codec": "h264", "width": 64, "height": 36, "fps": "8", "frames": 4, "duration_s": 0.5, "audio": null, "drift": {"luma": 0.02, "chroma": 0.02, "hue_deg": 0.0}}}, "adherence": {"verdict": "locked", "psnr_db": 49.38, "repeats": 0, "zoom": 1.0, "doubled": true}, "warnings": []}','{"version": 1, "generator": "fake", "key_version": 1, "options": {}, "model": null, "prompt": "wind", "duration_s": 0.5, "aspect_ratio": "16:9", "resolution": "96p", "fps": 8, "seed": 5, "take": 1, "names": null, "params": {}, "starts_from": {"hand_over": "last", "of": "970d4c9552684a0d0bd2dd13e5036877ce73a55aec7e5cf1110fc26a9f0436b9"}}','',1.79571284846702551845e+09,1.79571284850437188143e+09);
CREATE TABLE claims (
        key       TEXT PRIMARY KEY,
        owner     TEXT NOT NULL,
        host      TEXT NOT NULL,
        boot      TEXT NOT NULL,
        pid       INTEGER NOT NULL,
        life      TEXT NOT NULL,
        heartbeat REAL NOT NULL
    ) STRICT;
CREATE INDEX attempts_by_key ON attempts (key, created);
CREATE INDEX attempts_by_scope ON attempts (scope);
CREATE UNIQUE INDEX attempts_open ON attempts (key)
        WHERE phase IN ('intended', 'submitted', 'ready', 'unknown');
COMMIT;
PRAGMA user_version = 1;
