// Written by `plinth types`; what is changed here is lost.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  public: {
    Tables: {
      api_keys: {
        Row: {
          business_id: string | null
          created_at: string
          expires_at: string | null
          id: string
          is_active: boolean
          key_name: string
          key_value: string
          last_used_at: string | null
          permissions: Json
          rate_limit: number
        }
        Insert: {
          business_id?: string | null
          created_at?: string
          expires_at?: string | null
          id?: string
          is_active?: boolean
          key_name: string
          key_value: string
          last_used_at?: string | null
          permissions?: Json
          rate_limit?: number
        }
        Update: {
          business_id?: string | null
          created_at?: string
          expires_at?: string | null
          id?: string
          is_active?: boolean
          key_name?: string
          key_value?: string
          last_used_at?: string | null
          permissions?: Json
          rate_limit?: number
        }
        Relationships: [
          {
            foreignKeyName: 'api_keys_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      api_usage_logs: {
        Row: {
          api_key_id: string | null
          business_id: string | null
          created_at: string
          endpoint: string
          id: number
          ip_address: string | null
          method: string
          response_time_ms: number | null
          status_code: number
        }
        Insert: {
          api_key_id?: string | null
          business_id?: string | null
          created_at?: string
          endpoint: string
          id?: never
          ip_address?: string | null
          method: string
          response_time_ms?: number | null
          status_code: number
        }
        Update: {
          api_key_id?: string | null
          business_id?: string | null
          created_at?: string
          endpoint?: string
          id?: never
          ip_address?: string | null
          method?: string
          response_time_ms?: number | null
          status_code?: number
        }
        Relationships: []
      }
      backup_records: {
        Row: {
          backup_type: Database['public']['Enums']['backup_kind']
          base_backup_id: string | null
          business_id: string
          completed_at: string | null
          created_at: string
          data_size: number | null
          error_message: string | null
          file_path: string | null
          filename: string | null
          id: string
          rehearsed_at: string | null
          rows_count: number | null
          sha256: string | null
          slot: string | null
          started_at: string
          status: Database['public']['Enums']['backup_status']
          trigger: Database['public']['Enums']['backup_trigger']
        }
        Insert: {
          backup_type: Database['public']['Enums']['backup_kind']
          base_backup_id?: string | null
          business_id: string
          completed_at?: string | null
          created_at?: string
          data_size?: number | null
          error_message?: string | null
          file_path?: string | null
          filename?: string | null
          id?: string
          rehearsed_at?: string | null
          rows_count?: number | null
          sha256?: string | null
          slot?: string | null
          started_at?: string
          status?: Database['public']['Enums']['backup_status']
          trigger?: Database['public']['Enums']['backup_trigger']
        }
        Update: {
          backup_type?: Database['public']['Enums']['backup_kind']
          base_backup_id?: string | null
          business_id?: string
          completed_at?: string | null
          created_at?: string
          data_size?: number | null
          error_message?: string | null
          file_path?: string | null
          filename?: string | null
          id?: string
          rehearsed_at?: string | null
          rows_count?: number | null
          sha256?: string | null
          slot?: string | null
          started_at?: string
          status?: Database['public']['Enums']['backup_status']
          trigger?: Database['public']['Enums']['backup_trigger']
        }
        Relationships: [
          {
            foreignKeyName: 'backup_records_base_backup_id_fkey'
            columns: ['base_backup_id']
            isOneToOne: false
            referencedRelation: 'backup_records'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'backup_records_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      business_features: {
        Row: {
          business_id: string
          created_at: string
          feature_name: string
          id: string
          is_enabled: boolean
          updated_at: string
          updated_by: string | null
        }
        Insert: {
          business_id: string
          created_at?: string
          feature_name: string
          id?: string
          is_enabled?: boolean
          updated_at?: string
          updated_by?: string | null
        }
        Update: {
          business_id?: string
          created_at?: string
          feature_name?: string
          id?: string
          is_enabled?: boolean
          updated_at?: string
          updated_by?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'business_features_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      business_invitations: {
        Row: {
          business_id: string
          created_at: string
          email: string
          expires_at: string
          id: string
          invited_by: string | null
          role: Database['public']['Enums']['member_role']
          worker_id: string | null
        }
        Insert: {
          business_id: string
          created_at?: string
          email: string
          expires_at?: string
          id?: string
          invited_by?: string | null
          role: Database['public']['Enums']['member_role']
          worker_id?: string | null
        }
        Update: {
          business_id?: string
          created_at?: string
          email?: string
          expires_at?: string
          id?: string
          invited_by?: string | null
          role?: Database['public']['Enums']['member_role']
          worker_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'business_invitations_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'business_invitations_business_id_worker_id_fkey'
            columns: ['business_id', 'worker_id']
            isOneToOne: false
            referencedRelation: 'workers'
            referencedColumns: ['business_id', 'id']
          },
        ]
      }
      business_members: {
        Row: {
          business_id: string
          created_at: string
          id: string
          is_active: boolean
          role: Database['public']['Enums']['member_role']
          user_id: string
        }
        Insert: {
          business_id: string
          created_at?: string
          id?: string
          is_active?: boolean
          role: Database['public']['Enums']['member_role']
          user_id: string
        }
        Update: {
          business_id?: string
          created_at?: string
          id?: string
          is_active?: boolean
          role?: Database['public']['Enums']['member_role']
          user_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'business_members_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      businesses: {
        Row: {
          address: string | null
          business_name: string
          created_at: string
          credit_minor: number
          currency: string
          deactivated_at: string | null
          deactivation_note: string | null
          deactivation_reason: string | null
          email: string | null
          id: string
          last_payment_date: string | null
          next_payment_date: string | null
          owner_id: string | null
          owner_name: string | null
          payment_status: Database['public']['Enums']['business_payment_status']
          phone: string | null
          plan: Database['public']['Enums']['business_plan']
          receipt_footer: string | null
          status: Database['public']['Enums']['business_status']
          timezone: string
          updated_at: string
        }
        Insert: {
          address?: string | null
          business_name: string
          created_at?: string
          credit_minor?: number
          currency?: string
          deactivated_at?: string | null
          deactivation_note?: string | null
          deactivation_reason?: string | null
          email?: string | null
          id?: string
          last_payment_date?: string | null
          next_payment_date?: string | null
          owner_id?: string | null
          owner_name?: string | null
          payment_status?: Database['public']['Enums']['business_payment_status']
          phone?: string | null
          plan?: Database['public']['Enums']['business_plan']
          receipt_footer?: string | null
          status?: Database['public']['Enums']['business_status']
          timezone?: string
          updated_at?: string
        }
        Update: {
          address?: string | null
          business_name?: string
          created_at?: string
          credit_minor?: number
          currency?: string
          deactivated_at?: string | null
          deactivation_note?: string | null
          deactivation_reason?: string | null
          email?: string | null
          id?: string
          last_payment_date?: string | null
          next_payment_date?: string | null
          owner_id?: string | null
          owner_name?: string | null
          payment_status?: Database['public']['Enums']['business_payment_status']
          phone?: string | null
          plan?: Database['public']['Enums']['business_plan']
          receipt_footer?: string | null
          status?: Database['public']['Enums']['business_status']
          timezone?: string
          updated_at?: string
        }
        Relationships: []
      }
      customers: {
        Row: {
          address: string | null
          business_id: string
          created_at: string
          credit_limit: number | null
          email: string | null
          id: string
          is_active: boolean
          name: string
          notes: string | null
          phone: string | null
          updated_at: string
        }
        Insert: {
          address?: string | null
          business_id: string
          created_at?: string
          credit_limit?: number | null
          email?: string | null
          id?: string
          is_active?: boolean
          name: string
          notes?: string | null
          phone?: string | null
          updated_at?: string
        }
        Update: {
          address?: string | null
          business_id?: string
          created_at?: string
          credit_limit?: number | null
          email?: string | null
          id?: string
          is_active?: boolean
          name?: string
          notes?: string | null
          phone?: string | null
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'customers_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      daily_closes: {
        Row: {
          business_id: string
          by_method: Json
          closed_at: string
          closed_by: string | null
          counted_cash: number
          day: string
          difference: number
          expected_cash: number
          notes: string | null
          opening_cash: number
          sales_count: number
          sales_total: number
        }
        Insert: {
          business_id: string
          by_method: Json
          closed_at?: string
          closed_by?: string | null
          counted_cash: number
          day: string
          difference: number
          expected_cash: number
          notes?: string | null
          opening_cash?: number
          sales_count: number
          sales_total: number
        }
        Update: {
          business_id?: string
          by_method?: Json
          closed_at?: string
          closed_by?: string | null
          counted_cash?: number
          day?: string
          difference?: number
          expected_cash?: number
          notes?: string | null
          opening_cash?: number
          sales_count?: number
          sales_total?: number
        }
        Relationships: [
          {
            foreignKeyName: 'daily_closes_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      in_app_notifications: {
        Row: {
          action_url: string | null
          created_at: string
          data: Json | null
          id: string
          message: string
          read_at: string | null
          title: string
          type: string
          user_id: string
        }
        Insert: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message: string
          read_at?: string | null
          title: string
          type?: string
          user_id: string
        }
        Update: {
          action_url?: string | null
          created_at?: string
          data?: Json | null
          id?: string
          message?: string
          read_at?: string | null
          title?: string
          type?: string
          user_id?: string
        }
        Relationships: []
      }
      notification_preferences: {
        Row: {
          email: boolean | null
          in_app: boolean | null
          locale: string | null
          marketing: boolean | null
          push: boolean | null
          quiet_from: string | null
          quiet_until: string | null
          sms: boolean | null
          topic: string
          user_id: string
          zone: string | null
        }
        Insert: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Update: {
          email?: boolean | null
          in_app?: boolean | null
          locale?: string | null
          marketing?: boolean | null
          push?: boolean | null
          quiet_from?: string | null
          quiet_until?: string | null
          sms?: boolean | null
          topic?: string
          user_id?: string
          zone?: string | null
        }
        Relationships: []
      }
      payment_records: {
        Row: {
          business_id: string
          created_at: string
          currency: string
          id: string
          notes: string | null
          paid_on: string
          payment_amount: number
          payment_method: string
          payment_reference: string
          payment_type: Database['public']['Enums']['payment_type']
          plan: Database['public']['Enums']['business_plan']
          reversal_reason: string | null
          reversed_at: string | null
          reversed_by: string | null
          seq: number
          status: Database['public']['Enums']['record_status']
          verified_at: string | null
          verified_by: string | null
        }
        Insert: {
          business_id: string
          created_at?: string
          currency: string
          id?: string
          notes?: string | null
          paid_on: string
          payment_amount: number
          payment_method: string
          payment_reference: string
          payment_type: Database['public']['Enums']['payment_type']
          plan: Database['public']['Enums']['business_plan']
          reversal_reason?: string | null
          reversed_at?: string | null
          reversed_by?: string | null
          seq?: never
          status?: Database['public']['Enums']['record_status']
          verified_at?: string | null
          verified_by?: string | null
        }
        Update: {
          business_id?: string
          created_at?: string
          currency?: string
          id?: string
          notes?: string | null
          paid_on?: string
          payment_amount?: number
          payment_method?: string
          payment_reference?: string
          payment_type?: Database['public']['Enums']['payment_type']
          plan?: Database['public']['Enums']['business_plan']
          reversal_reason?: string | null
          reversed_at?: string | null
          reversed_by?: string | null
          seq?: never
          status?: Database['public']['Enums']['record_status']
          verified_at?: string | null
          verified_by?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'payment_records_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'payment_records_reversed_by_fkey'
            columns: ['reversed_by']
            isOneToOne: false
            referencedRelation: 'super_admins'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'payment_records_verified_by_fkey'
            columns: ['verified_by']
            isOneToOne: false
            referencedRelation: 'super_admins'
            referencedColumns: ['id']
          },
        ]
      }
      payments: {
        Row: {
          amount: number
          business_id: string
          client_id: string | null
          currency: string
          customer_id: string | null
          id: string
          method: string
          notes: string | null
          received_at: string
          received_by: string | null
          received_on: string
          reference: string | null
          reverses: string | null
          sale_id: string | null
        }
        Insert: {
          amount: number
          business_id: string
          client_id?: string | null
          currency: string
          customer_id?: string | null
          id?: string
          method: string
          notes?: string | null
          received_at?: string
          received_by?: string | null
          received_on: string
          reference?: string | null
          reverses?: string | null
          sale_id?: string | null
        }
        Update: {
          amount?: number
          business_id?: string
          client_id?: string | null
          currency?: string
          customer_id?: string | null
          id?: string
          method?: string
          notes?: string | null
          received_at?: string
          received_by?: string | null
          received_on?: string
          reference?: string | null
          reverses?: string | null
          sale_id?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'payments_business_id_customer_id_fkey'
            columns: ['business_id', 'customer_id']
            isOneToOne: false
            referencedRelation: 'customers'
            referencedColumns: ['business_id', 'id']
          },
          {
            foreignKeyName: 'payments_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'payments_business_id_reverses_fkey'
            columns: ['business_id', 'reverses']
            isOneToOne: true
            referencedRelation: 'payments'
            referencedColumns: ['business_id', 'id']
          },
          {
            foreignKeyName: 'payments_business_id_sale_id_fkey'
            columns: ['business_id', 'sale_id']
            isOneToOne: false
            referencedRelation: 'sales'
            referencedColumns: ['business_id', 'id']
          },
        ]
      }
      product_costs: {
        Row: {
          business_id: string
          product_id: string
          unit_cost: number
          updated_at: string
        }
        Insert: {
          business_id: string
          product_id: string
          unit_cost: number
          updated_at?: string
        }
        Update: {
          business_id?: string
          product_id?: string
          unit_cost?: number
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'product_costs_business_id_product_id_fkey'
            columns: ['business_id', 'product_id']
            isOneToOne: true
            referencedRelation: 'products'
            referencedColumns: ['business_id', 'id']
          },
        ]
      }
      products: {
        Row: {
          business_id: string
          category: string | null
          created_at: string
          id: string
          is_active: boolean
          name: string
          price: number
          reorder_level: number | null
          sku: string | null
          stock: number
          unit: string
          updated_at: string
        }
        Insert: {
          business_id: string
          category?: string | null
          created_at?: string
          id?: string
          is_active?: boolean
          name: string
          price?: number
          reorder_level?: number | null
          sku?: string | null
          stock?: number
          unit?: string
          updated_at?: string
        }
        Update: {
          business_id?: string
          category?: string | null
          created_at?: string
          id?: string
          is_active?: boolean
          name?: string
          price?: number
          reorder_level?: number | null
          sku?: string | null
          stock?: number
          unit?: string
          updated_at?: string
        }
        Relationships: [
          {
            foreignKeyName: 'products_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      push_subscriptions: {
        Row: {
          auth: string | null
          created_at: string
          endpoint: string
          kind: string
          p256dh: string | null
          user_id: string
        }
        Insert: {
          auth?: string | null
          created_at?: string
          endpoint: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Update: {
          auth?: string | null
          created_at?: string
          endpoint?: string
          kind?: string
          p256dh?: string | null
          user_id?: string
        }
        Relationships: []
      }
      realtime_events: {
        Row: {
          business_id: string | null
          created_at: string
          created_by: string | null
          data: Json
          event_type: string
          id: string
          seq: number
        }
        Insert: {
          business_id?: string | null
          created_at?: string
          created_by?: string | null
          data?: Json
          event_type: string
          id?: string
          seq?: never
        }
        Update: {
          business_id?: string | null
          created_at?: string
          created_by?: string | null
          data?: Json
          event_type?: string
          id?: string
          seq?: never
        }
        Relationships: [
          {
            foreignKeyName: 'realtime_events_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      restore_requests: {
        Row: {
          at: string | null
          backup_id: string | null
          business_id: string
          completed_at: string | null
          created_at: string
          data_types: string[] | null
          error_message: string | null
          id: string
          ids: string[] | null
          preview: Json | null
          requested_by: string | null
          restore_type: Database['public']['Enums']['restore_type']
          result: Json | null
          status: Database['public']['Enums']['restore_status']
        }
        Insert: {
          at?: string | null
          backup_id?: string | null
          business_id: string
          completed_at?: string | null
          created_at?: string
          data_types?: string[] | null
          error_message?: string | null
          id?: string
          ids?: string[] | null
          preview?: Json | null
          requested_by?: string | null
          restore_type: Database['public']['Enums']['restore_type']
          result?: Json | null
          status?: Database['public']['Enums']['restore_status']
        }
        Update: {
          at?: string | null
          backup_id?: string | null
          business_id?: string
          completed_at?: string | null
          created_at?: string
          data_types?: string[] | null
          error_message?: string | null
          id?: string
          ids?: string[] | null
          preview?: Json | null
          requested_by?: string | null
          restore_type?: Database['public']['Enums']['restore_type']
          result?: Json | null
          status?: Database['public']['Enums']['restore_status']
        }
        Relationships: [
          {
            foreignKeyName: 'restore_requests_backup_id_fkey'
            columns: ['backup_id']
            isOneToOne: false
            referencedRelation: 'backup_records'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'restore_requests_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
          {
            foreignKeyName: 'restore_requests_requested_by_fkey'
            columns: ['requested_by']
            isOneToOne: false
            referencedRelation: 'super_admins'
            referencedColumns: ['id']
          },
        ]
      }
      sale_lines: {
        Row: {
          amount: number
          business_id: string
          description: string
          line_no: number
          product_id: string | null
          quantity: number
          sale_id: string
          unit_price: number
        }
        Insert: {
          amount: number
          business_id: string
          description: string
          line_no: number
          product_id?: string | null
          quantity: number
          sale_id: string
          unit_price: number
        }
        Update: {
          amount?: number
          business_id?: string
          description?: string
          line_no?: number
          product_id?: string | null
          quantity?: number
          sale_id?: string
          unit_price?: number
        }
        Relationships: [
          {
            foreignKeyName: 'sale_lines_business_id_product_id_fkey'
            columns: ['business_id', 'product_id']
            isOneToOne: false
            referencedRelation: 'products'
            referencedColumns: ['business_id', 'id']
          },
          {
            foreignKeyName: 'sale_lines_business_id_sale_id_fkey'
            columns: ['business_id', 'sale_id']
            isOneToOne: false
            referencedRelation: 'sales'
            referencedColumns: ['business_id', 'id']
          },
        ]
      }
      sales: {
        Row: {
          business_id: string
          client_id: string | null
          created_at: string
          currency: string
          customer_id: string | null
          discount: number
          id: string
          notes: string | null
          sale_number: number
          sold_at: string
          sold_by: string | null
          sold_on: string
          status: Database['public']['Enums']['sale_status']
          subtotal: number
          total: number
          void_reason: string | null
          voided_at: string | null
          voided_by: string | null
        }
        Insert: {
          business_id: string
          client_id?: string | null
          created_at?: string
          currency: string
          customer_id?: string | null
          discount?: number
          id?: string
          notes?: string | null
          sale_number: number
          sold_at?: string
          sold_by?: string | null
          sold_on: string
          status?: Database['public']['Enums']['sale_status']
          subtotal: number
          total: number
          void_reason?: string | null
          voided_at?: string | null
          voided_by?: string | null
        }
        Update: {
          business_id?: string
          client_id?: string | null
          created_at?: string
          currency?: string
          customer_id?: string | null
          discount?: number
          id?: string
          notes?: string | null
          sale_number?: number
          sold_at?: string
          sold_by?: string | null
          sold_on?: string
          status?: Database['public']['Enums']['sale_status']
          subtotal?: number
          total?: number
          void_reason?: string | null
          voided_at?: string | null
          voided_by?: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'sales_business_id_customer_id_fkey'
            columns: ['business_id', 'customer_id']
            isOneToOne: false
            referencedRelation: 'customers'
            referencedColumns: ['business_id', 'id']
          },
          {
            foreignKeyName: 'sales_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
      stock_movements: {
        Row: {
          business_id: string
          change: number
          id: string
          kind: Database['public']['Enums']['movement_kind']
          moved_at: string
          moved_by: string | null
          new_stock: number
          note: string | null
          product_id: string
          sale_id: string | null
          seq: number
        }
        Insert: {
          business_id: string
          change: number
          id?: string
          kind: Database['public']['Enums']['movement_kind']
          moved_at?: string
          moved_by?: string | null
          new_stock: number
          note?: string | null
          product_id: string
          sale_id?: string | null
          seq?: never
        }
        Update: {
          business_id?: string
          change?: number
          id?: string
          kind?: Database['public']['Enums']['movement_kind']
          moved_at?: string
          moved_by?: string | null
          new_stock?: number
          note?: string | null
          product_id?: string
          sale_id?: string | null
          seq?: never
        }
        Relationships: [
          {
            foreignKeyName: 'stock_movements_business_id_product_id_fkey'
            columns: ['business_id', 'product_id']
            isOneToOne: false
            referencedRelation: 'products'
            referencedColumns: ['business_id', 'id']
          },
          {
            foreignKeyName: 'stock_movements_business_id_sale_id_fkey'
            columns: ['business_id', 'sale_id']
            isOneToOne: false
            referencedRelation: 'sales'
            referencedColumns: ['business_id', 'id']
          },
        ]
      }
      super_admins: {
        Row: {
          created_at: string
          email: string | null
          full_name: string | null
          id: string
          is_active: boolean
          updated_at: string
          user_id: string
        }
        Insert: {
          created_at?: string
          email?: string | null
          full_name?: string | null
          id?: string
          is_active?: boolean
          updated_at?: string
          user_id: string
        }
        Update: {
          created_at?: string
          email?: string | null
          full_name?: string | null
          id?: string
          is_active?: boolean
          updated_at?: string
          user_id?: string
        }
        Relationships: []
      }
      system_settings: {
        Row: {
          created_at: string
          description: string | null
          effective_from: string
          id: string
          setting_key: string
          setting_type: Database['public']['Enums']['setting_type']
          setting_value: Json
          updated_by: string | null
        }
        Insert: {
          created_at?: string
          description?: string | null
          effective_from?: string
          id?: string
          setting_key: string
          setting_type: Database['public']['Enums']['setting_type']
          setting_value: Json
          updated_by?: string | null
        }
        Update: {
          created_at?: string
          description?: string | null
          effective_from?: string
          id?: string
          setting_key?: string
          setting_type?: Database['public']['Enums']['setting_type']
          setting_value?: Json
          updated_by?: string | null
        }
        Relationships: []
      }
      wage_entries: {
        Row: {
          amount: number
          business_id: string
          created_at: string
          for_day: string
          id: string
          kind: Database['public']['Enums']['wage_kind']
          note: string | null
          recorded_by: string | null
          worker_id: string
        }
        Insert: {
          amount: number
          business_id: string
          created_at?: string
          for_day: string
          id?: string
          kind: Database['public']['Enums']['wage_kind']
          note?: string | null
          recorded_by?: string | null
          worker_id: string
        }
        Update: {
          amount?: number
          business_id?: string
          created_at?: string
          for_day?: string
          id?: string
          kind?: Database['public']['Enums']['wage_kind']
          note?: string | null
          recorded_by?: string | null
          worker_id?: string
        }
        Relationships: [
          {
            foreignKeyName: 'wage_entries_business_id_worker_id_fkey'
            columns: ['business_id', 'worker_id']
            isOneToOne: false
            referencedRelation: 'workers'
            referencedColumns: ['business_id', 'id']
          },
        ]
      }
      workers: {
        Row: {
          business_id: string
          created_at: string
          ended_on: string | null
          id: string
          is_active: boolean
          job_title: string | null
          name: string
          phone: string | null
          started_on: string | null
          updated_at: string
          user_id: string | null
          wage_amount: number | null
          wage_period: Database['public']['Enums']['wage_period']
        }
        Insert: {
          business_id: string
          created_at?: string
          ended_on?: string | null
          id?: string
          is_active?: boolean
          job_title?: string | null
          name: string
          phone?: string | null
          started_on?: string | null
          updated_at?: string
          user_id?: string | null
          wage_amount?: number | null
          wage_period?: Database['public']['Enums']['wage_period']
        }
        Update: {
          business_id?: string
          created_at?: string
          ended_on?: string | null
          id?: string
          is_active?: boolean
          job_title?: string | null
          name?: string
          phone?: string | null
          started_on?: string | null
          updated_at?: string
          user_id?: string | null
          wage_amount?: number | null
          wage_period?: Database['public']['Enums']['wage_period']
        }
        Relationships: [
          {
            foreignKeyName: 'workers_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
    }
    Views: {
      customer_balances: {
        Row: {
          balance: number | null
          business_id: string | null
          credit_limit: number | null
          customer_id: string | null
          name: string | null
        }
        Relationships: [
          {
            foreignKeyName: 'customers_business_id_fkey'
            columns: ['business_id']
            isOneToOne: false
            referencedRelation: 'businesses'
            referencedColumns: ['id']
          },
        ]
      }
    }
    Functions: {
      accept_invitation: {
        Args: {
          p_invitation_id: string
        }
        Returns: Database['public']['Tables']['business_members']['Row']
      }
      adjust_stock: {
        Args: {
          p_product_id: string
          p_change: number
          p_kind?: Database['public']['Enums']['movement_kind']
          p_note?: string
        }
        Returns: Json
      }
      analytics_business: {
        Args: {
          p_business_id: string
        }
        Returns: Json
      }
      analytics_growth: {
        Args: never
        Returns: Json
      }
      analytics_overview: {
        Args: never
        Returns: Json
      }
      analytics_revenue: {
        Args: never
        Returns: Json
      }
      backup_status: {
        Args: {
          p_business_id?: string
        }
        Returns: Json
      }
      change_plan: {
        Args: {
          p_business_id: string
          p_plan: Database['public']['Enums']['business_plan']
        }
        Returns: Database['public']['Tables']['businesses']['Row']
      }
      close_day: {
        Args: {
          p_business_id: string
          p_counted_cash: number
          p_day?: string
          p_opening_cash?: number
          p_notes?: string
        }
        Returns: Database['public']['Tables']['daily_closes']['Row']
      }
      count_stock: {
        Args: {
          p_product_id: string
          p_counted: number
          p_note?: string
        }
        Returns: Json
      }
      customer_statement: {
        Args: {
          p_customer_id: string
          p_from?: string
          p_to?: string
        }
        Returns: {
          day: string | null
          entry: string | null
          reference: string | null
          debit: number | null
          credit: number | null
          balance: number | null
        }[]
      }
      emit_event: {
        Args: {
          p_type: string
          p_business_id: string
          p_data?: Json
        }
        Returns: Json
      }
      invite_member: {
        Args: {
          p_business_id: string
          p_email: string
          p_role: Database['public']['Enums']['member_role']
          p_worker_id?: string
        }
        Returns: Database['public']['Tables']['business_invitations']['Row']
      }
      receipt: {
        Args: {
          p_sale_id: string
        }
        Returns: Json
      }
      record_payment: {
        Args: {
          p_business_id: string
          p_amount: number
          p_method: string
          p_sale_id?: string
          p_customer_id?: string
          p_reference?: string
          p_client_id?: string
          p_received_on?: string
        }
        Returns: Json
      }
      record_sale: {
        Args: {
          p_business_id: string
          p_lines: Json
          p_payments?: Json
          p_customer_id?: string
          p_discount?: number
          p_client_id?: string
          p_sold_on?: string
          p_notes?: string
        }
        Returns: Json
      }
      record_wage: {
        Args: {
          p_worker_id: string
          p_kind: Database['public']['Enums']['wage_kind']
          p_amount: number
          p_for_day?: string
          p_note?: string
        }
        Returns: Json
      }
      reverse_payment: {
        Args: {
          p_payment_id: string
          p_reason: string
        }
        Returns: Json
      }
      set_business_status: {
        Args: {
          p_business_id: string
          p_is_active: boolean
          p_reason?: string
        }
        Returns: Database['public']['Tables']['businesses']['Row']
      }
      verify_payment: {
        Args: {
          p_business_id: string
          p_amount: number
          p_method: string
          p_reference: string
          p_verified_by: string
          p_paid_on?: string
          p_difference?: string
          p_notes?: string
        }
        Returns: Json
      }
      void_sale: {
        Args: {
          p_sale_id: string
          p_reason: string
        }
        Returns: Json
      }
    }
    Enums: {
      backup_kind: 'full' | 'incremental'
      backup_status: 'pending' | 'completed' | 'failed'
      backup_trigger: 'scheduled' | 'manual'
      business_payment_status: 'paid' | 'pending' | 'overdue'
      business_plan: 'basic' | 'pro' | 'enterprise'
      business_status: 'active' | 'inactive' | 'pending'
      member_role: 'owner' | 'manager' | 'worker'
      movement_kind: 'opening' | 'sale' | 'void' | 'purchase' | 'adjustment' | 'count' | 'import'
      payment_type: 'upfront' | 'maintenance'
      record_status: 'pending' | 'confirmed' | 'failed'
      restore_status: 'pending' | 'processing' | 'completed' | 'failed'
      restore_type: 'full' | 'selective'
      sale_status: 'completed' | 'voided'
      setting_type: 'number' | 'text' | 'boolean' | 'json'
      wage_kind: 'earned' | 'paid' | 'advance' | 'deduction'
      wage_period: 'day' | 'week' | 'month'
    }
    CompositeTypes: { [_ in never]: never }
  }
}

type Tables_ = Database['public']['Tables']
export type Tables<Name extends keyof Tables_> = Tables_[Name]['Row']
export type TablesInsert<Name extends keyof Tables_> = Tables_[Name]['Insert']
export type TablesUpdate<Name extends keyof Tables_> = Tables_[Name]['Update']
export type Enums<Name extends keyof Database['public']['Enums']> = Database['public']['Enums'][Name]
