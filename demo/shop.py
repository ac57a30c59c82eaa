# SPDX-License-Identifier: Apache-2.0
"""The shop of the demo: makes it, fills it, keeps writing to it."""
import random
import threading
import uuid
from pathlib import Path

import pymysql

CUSTOMERS = 60_000
PRODUCTS = 5_000
ORDERS = 100_000


def connect(port, database=None):
    return pymysql.connect(host="127.0.0.1", port=port, user="root", database=database,
                           charset="utf8mb4", autocommit=True)


def statements(text):
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [s.strip() for s in "\n".join(lines).split(";\n") if s.strip(" ;\n")]


def numbers(count):
    """A row source 1..count for INSERT … SELECT."""
    digits = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL " \
             "SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL " \
             "SELECT 8 UNION ALL SELECT 9)"
    tables = ", ".join(f"{digits} t{i}" for i in range(6))
    value = " + ".join(f"t{i}.d * {10 ** i}" for i in range(6))
    return f"(SELECT {value} + 1 AS n FROM {tables}) numbers WHERE n <= {count}"


FILL = [
    "INSERT INTO categories VALUES (1, NULL, 'everything')",
    f"INSERT INTO categories SELECT n + 1, 1, CONCAT('category ', n, ' 🛒') FROM {numbers(200)}",
    f"""INSERT INTO customers (id, email, name, tier, flags, balance, preferences, avatar, created)
        SELECT n, CONCAT('user', n, '@example.org'), CONCAT('Zoë Ångström ', n, ' 😀'),
               1 + n % 3, n % 8, (n * 37 % 100000) / 100,
               JSON_OBJECT('lang', ELT(1 + n % 3, 'de', 'fr', 'zh'), 'n', n, 'z', JSON_ARRAY(1, 2.50, NULL)),
               IF(n % 5 = 0, UNHEX(SHA2(n, 256)), NULL), '2025-01-01' + INTERVAL n MINUTE
        FROM {numbers(CUSTOMERS)}""",
    f"""INSERT INTO products (sku, category, title, price, weight, rating, attributes)
        SELECT LPAD(n, 12, 'P'), 1 + n % 200, CONCAT('Thing № ', n), n % 1000 + 0.99, n / 7, n / 3,
               JSON_OBJECT('size', n % 9, 'tags', JSON_ARRAY('a', 'ü')) FROM {numbers(PRODUCTS)}""",
    f"""INSERT INTO orders (id, customer, placed, status, total)
        SELECT n, 1 + n * 7 % {CUSTOMERS}, '2025-02-01' + INTERVAL n MINUTE, 1 + n % 4, n % 900
        FROM {numbers(ORDERS)}""",
    f"""INSERT INTO order_items SELECT n, 1, LPAD(1 + n % {PRODUCTS}, 12, 'P'), 1 + n % 4, 9.99
        FROM {numbers(ORDERS)}""",
    f"""INSERT INTO order_items SELECT n, 2, LPAD(1 + n * 3 % {PRODUCTS}, 12, 'P'), 1, 19.99
        FROM {numbers(ORDERS // 2)}""",
    f"""INSERT INTO payments SELECT n, 2024 + n % 3, n, n % 900, UNHEX(SHA2(n, 256))
        FROM {numbers(ORDERS // 2)}""",
    f"""INSERT INTO sessions SELECT UNHEX(LEFT(SHA2(n, 256), 32)), n, REPEAT(UNHEX('00FF41'), n % 90),
        '2026-01-01' + INTERVAL n SECOND FROM {numbers(20_000)}""",
    f"INSERT INTO audit SELECT '2025-06-01' + INTERVAL n SECOND, 'loader', CONCAT('row ', n % 50) "
    f"FROM {numbers(10_000)}",
]


def create(port):
    connection = connect(port)
    cursor = connection.cursor()
    for statement in statements(Path(__file__).with_name("shop.sql").read_text()):
        cursor.execute(statement)
    for statement in FILL:
        cursor.execute(statement)
    connection.close()


class Writer(threading.Thread):
    """Customers at work: orders, payments, corrections, deletions, until stopped."""

    def __init__(self, port, seed=7):
        super().__init__(name="writer")
        self.connection = connect(port, "shop")
        self.connection.autocommit(False)
        self.random = random.Random(seed)
        self.stopped = threading.Event()
        self.transactions = 0
        self.error = None
        self.next_payment = 10_000_000

    def run(self):
        try:
            while not self.stopped.is_set():
                with self.connection.cursor() as cursor:
                    self.random.choice([self.order, self.order, self.change, self.remove,
                                        self.log, self.rename])(cursor)
                if self.random.random() < 0.03:
                    self.connection.rollback()
                else:
                    self.connection.commit()
                    self.transactions += 1
                self.stopped.wait(0.002)
        except Exception as error:  # shown by the demo
            self.error = error
        finally:
            self.connection.close()

    def stop(self):
        self.stopped.set()
        self.join()
        if self.error:
            raise self.error

    def customer(self):
        return self.random.randint(1, CUSTOMERS)

    def order(self, cursor):
        cursor.execute("INSERT INTO orders (customer, placed, total) SELECT id, NOW(), %s "
                       "FROM customers WHERE id = %s", (self.random.randint(1, 999), self.customer()))
        order = cursor.lastrowid
        if not cursor.rowcount:
            return
        for line in range(1, self.random.randint(2, 5)):
            cursor.execute("INSERT INTO order_items VALUES (%s, %s, %s, %s, %s)",
                           (order, line, str(self.random.randint(1, PRODUCTS)).rjust(12, "P"),
                            self.random.randint(1, 9), "4.50"))
        self.next_payment += 1
        cursor.execute("INSERT INTO payments VALUES (%s, %s, %s, %s, %s)",
                       (self.next_payment, self.random.randint(2024, 2027), order, "12.00",
                        self.random.randbytes(32)))

    def change(self, cursor):
        cursor.execute("UPDATE customers SET balance = balance + 1.25, preferences = "
                       "JSON_SET(preferences, '$.seen', %s) WHERE id = %s",
                       (self.random.randint(1, 99), self.customer()))
        cursor.execute("UPDATE products SET price = price + 0.01 WHERE sku = %s",
                       (str(self.random.randint(1, PRODUCTS)).rjust(12, "P"),))

    def remove(self, cursor):
        cursor.execute("DELETE FROM orders WHERE id = %s", (self.random.randint(1, ORDERS),))
        if self.random.random() < 0.1:  # takes orders and their items along
            cursor.execute("DELETE FROM customers WHERE id = %s", (self.customer(),))

    def log(self, cursor):
        cursor.execute("INSERT INTO audit VALUES (NOW(6), 'writer', %s)",
                       (self.random.choice(["login", "logout", "😀"]),))
        cursor.execute("DELETE FROM audit WHERE actor = 'loader' AND what = %s LIMIT 1",
                       (f"row {self.random.randint(0, 49)}",))
        cursor.execute("INSERT INTO sessions VALUES (%s, %s, %s, NULL)",
                       (uuid.UUID(int=self.random.getrandbits(128)).bytes, self.customer(),
                        self.random.randbytes(200)))

    def rename(self, cursor):
        """A unique value moves from one row to another within one transaction."""
        a, b = sorted(self.random.sample(range(1, CUSTOMERS), 2))
        cursor.execute("SELECT id, email FROM customers WHERE id IN (%s, %s) ORDER BY id FOR UPDATE",
                       (a, b))
        rows = cursor.fetchall()
        if len(rows) != 2:
            return
        (a, email_a), (b, email_b) = rows
        cursor.execute("UPDATE customers SET email = 'moving' WHERE id = %s", (a,))
        cursor.execute("UPDATE customers SET email = %s WHERE id = %s", (email_a, b))
        cursor.execute("UPDATE customers SET email = %s WHERE id = %s", (email_b, a))
